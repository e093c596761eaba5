import { randomUUID } from 'node:crypto';
import { freePort } from '../process/free-ports.js';
import { registerContainer, unregisterContainer } from '../process/reaper.js';
import { onPath } from '../process/on-path.js';
import { run, tail } from '../process/run.js';
import { waitForAnswer } from './answers.js';
import type { KafkaNode, RunningCluster } from './cluster.js';
import { KAFKA_VERSION } from './jars.js';
import { sizing, type Properties } from './properties.js';

const IMAGE = `apache/kafka:${KAFKA_VERSION}`;
const CONTROLLER_PORT = 9_093;
const START_LIMIT_MS = 90_000;

/** The path of a `docker` whose daemon answers. */
export async function findDocker(): Promise<string | undefined> {
  const docker = onPath('docker');
  if (!docker) return undefined;
  const { ok } = await run(docker, ['version', '--format', '{{.Server.Version}}']);
  return ok ? docker : undefined;
}

/** Starts one broker in a container, for machines without Java. */
export async function startDockerBroker(
  docker: string,
  properties: Properties,
  wantedPort?: number,
): Promise<RunningCluster> {
  const port = wantedPort ?? (await freePort());
  const address = `127.0.0.1:${port}`;
  const name = `gemini-kafka-bridge-${randomUUID()}`;
  const command = async (...args: string[]) => {
    const { ok, output } = await run(docker, args);
    if (!ok) throw new Error(`docker ${args[0]} failed:\n${tail(output)}`);
    return output.trim();
  };
  const stop = async () => {
    await command('rm', '-f', name);
    unregisterContainer(name);
  };
  const answers = () => {
    const deadlineMs = performance.now() + START_LIMIT_MS;
    return waitForAnswer(
      address,
      () => true,
      () => {
        if (performance.now() > deadlineMs) {
          throw new Error(`the container ${name} gave no answer in ${START_LIMIT_MS} ms`);
        }
      },
    );
  };

  await registerContainer(name, docker);
  const settings = Object.entries({ ...containerProperties(port), ...properties });
  const environment = settings.flatMap(([key, value]) => [
    '-e',
    `${variable(key)}=${value}`,
  ]);
  const publish = ['-p', `${address}:${port}`];
  try {
    await command('run', '-d', '--name', name, ...publish, ...environment, IMAGE);
    await answers();
  } catch (error) {
    const { output } = await run(docker, ['logs', '--tail', '15', name]);
    await stop().catch(() => undefined);
    throw new Error(`Kafka in Docker did not start. The end of its log:\n${output}`, {
      cause: error,
    });
  }
  const pid = () => command('inspect', '--format', '{{.State.Pid}}', name).then(Number);
  let currentPid = await pid();
  const node: KafkaNode = {
    id: 1,
    address,
    listeners: {},
    get pid() {
      return currentPid;
    },
    pause: async () => void (await command('pause', name)),
    resume: async () => void (await command('unpause', name)),
    kill: async () => void (await command('kill', name)),
    shutDown: async () => void (await command('stop', '-t', '60', name)),
    async restart() {
      await command('restart', '-t', '0', name);
      await answers();
      currentPid = await pid();
    },
  };
  return { nodes: [node], stop };
}

function containerProperties(port: number): Properties {
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    // The image formats its folder itself, and can do so only for a fixed set of voters
    'controller.quorum.voters': `1@localhost:${CONTROLLER_PORT}`,
    listeners: `PLAINTEXT://0.0.0.0:${port},CONTROLLER://localhost:${CONTROLLER_PORT}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'log.dirs': '/tmp/kafka-data',
    ...sizing(1),
  };
}

/** The variable from which the image reads a property: `KAFKA_A_B__C___D` for `a.b_c-d`. */
function variable(property: string): string {
  const name = property.replaceAll('_', '__').replaceAll('-', '___').replaceAll('.', '_');
  return `KAFKA_${name.toUpperCase()}`;
}
