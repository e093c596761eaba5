import { join } from 'node:path';
import { startBridge } from '../packages/testbed/index.js';
import { spawnManaged } from '../packages/testbed/src/process/spawn.js';
import type { ServerName } from './options.js';

const STOP_GRACE_MS = 5000;
const START_LIMIT_MS = 30_000;

export interface ServerSettings {
  /** Path of the Node.js that runs the servers. It has the version of the image. */
  node: string;
  brokers: string;
  partitions: number;
  redisUrl: string | undefined;
  secret: string;
}

export interface Server {
  name: ServerName;
  port: number;
  pid: number;
  /** The lines that it has printed, oldest first. */
  lines: readonly string[];
  stop(): Promise<unknown>;
}

/** Settings of the servers whose store is not the default `log`. */
const DEDUPE: Partial<Record<ServerName, Record<string, string>>> = {
  'bridge+memory': { DEDUPE_STORE: 'memory' },
  'bridge+redis': { DEDUPE_STORE: 'redis' },
};

export function startServer(name: ServerName, settings: ServerSettings): Promise<Server> {
  return name === 'floor' ? startFloor(settings) : startBuiltBridge(name, settings);
}

async function startBuiltBridge(
  name: ServerName,
  settings: ServerSettings,
): Promise<Server> {
  const { redisUrl: REDIS_URL = '' } = settings;
  const variables = {
    ...environment(settings),
    INTERNAL_PORT: '0',
    HOST: '127.0.0.1',
    API_AUTH: 'none',
    TOPIC_PREFIX: name.replace('+', '-'),
    TOPIC_PARTITIONS: String(settings.partitions),
    TOPIC_REPLICATION: '1',
    TOPIC_MIN_ISR: '1',
    ...DEDUPE[name],
    ...(name === 'bridge+lease' || name === 'bridge+redis' ? { REDIS_URL } : {}),
  };
  const bridge = await startBridge(variables, { node: settings.node });
  await bridge.ready(START_LIMIT_MS);
  const { pid, lines } = bridge;
  const port = Number(new URL(bridge.url).port);
  return { name, port, pid, lines, stop: () => bridge.stop() };
}

/** Starts the floor with the same environment as the bridge, without the bridge's own settings. */
function startFloor(settings: ServerSettings): Promise<Server> {
  return new Promise((resolve, reject) => {
    const lines: string[] = [];
    const floor = spawnManaged({
      command: settings.node,
      args: ['--enable-source-maps', join(import.meta.dirname, 'floor.mjs')],
      env: { PATH: process.env['PATH'], ...environment(settings) },
      output(line, from) {
        lines.push(line);
        if (from === 'stderr') return;
        const { port }: { port: number } = JSON.parse(line);
        const stop = () => floor.stop(STOP_GRACE_MS);
        resolve({ name: 'floor', port, pid: floor.pid, lines, stop });
      },
    });
    void floor.exited.then(() =>
      reject(new Error(`the floor did not start\n${lines.join('\n')}`)),
    );
  });
}

function environment({ brokers, secret }: ServerSettings): Record<string, string> {
  return {
    NODE_ENV: 'production',
    PORT: '0',
    KAFKA_BROKERS: brokers,
    WEBHOOK_SECRETS: secret,
  };
}
