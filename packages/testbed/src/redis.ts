import { parseArgs } from 'node:util';
import { keepUntilSignal, runsDirectly } from './process/command-line.js';
import { freePort } from './process/free-ports.js';
import { secondsSince, toStderr, type Log } from './process/log.js';
import { temporaryFolder } from './process/temporary-folder.js';
import { redisBinary } from './redis/binary.js';
import { LocalRedis, PortTakenError } from './redis/local-redis.js';

const PORT_ATTEMPTS = 5;

export interface RedisOptions {
  /** Start one even when `REDIS_URL` names one: for tests that break it. */
  readonly own?: boolean;
  /** Write every change to disk before it is answered, so that `restart()` finds it. Otherwise it forgets everything. */
  readonly keepsData?: boolean;
  /** Progress; stderr when absent. */
  readonly log?: Log;
}

/** `pid` and what follows it are there only for a Redis that was started here; for one from outside they throw. */
export interface RedisServer extends AsyncDisposable {
  readonly url: string;
  /** Another one after `restart()`. */
  readonly pid: number;
  /** Freezes it (SIGSTOP): its connections stay open and nothing answers. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** The same port; kills it first if it runs. Resolves when it answers. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * A Redis for development and tests: the one that `REDIS_URL` names, else one started here. What was started here ends
 * with `stop()` and with this process, however that ends.
 */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const { own = false, keepsData = false, log = toStderr } = options;
  const given = process.env['REDIS_URL'];
  if (given && !own) return givenRedis(given);
  const binary = await redisBinary(log);
  const startMs = performance.now();
  for (let attempt = 1; ; attempt++) {
    try {
      const server = await startOn(binary, keepsData);
      log(`redis: ready on ${server.url} after ${secondsSince(startMs)}`);
      return server;
    } catch (error) {
      if (!(error instanceof PortTakenError) || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

async function startOn(binary: string, keepsData: boolean): Promise<RedisServer> {
  const folder = await temporaryFolder('gemini-kafka-bridge-redis');
  const port = await freePort();
  const redis = new LocalRedis(binary, port, folder.path, keepsData);
  const stop = async () => {
    await redis.kill();
    await folder.remove();
  };
  try {
    await redis.start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    get pid() {
      return redis.pid;
    },
    pause: async () => redis.signal('SIGSTOP'),
    resume: async () => redis.signal('SIGCONT'),
    kill: () => redis.kill(),
    async restart() {
      await redis.kill();
      await redis.start();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Not ours to break, and not ours to stop. */
function givenRedis(url: string): RedisServer {
  return {
    url,
    get pid() {
      return refuse();
    },
    pause: async () => refuse(),
    resume: async () => refuse(),
    kill: async () => refuse(),
    restart: async () => refuse(),
    stop: leaveAlone,
    [Symbol.asyncDispose]: leaveAlone,
  };
}

function refuse(): never {
  throw new Error(
    'this Redis comes from REDIS_URL and is not ours to break: use { own: true }',
  );
}

async function leaveAlone(): Promise<void> {}

const USAGE = `Starts a Redis for development, prints its URL and keeps it until Ctrl-C.

  npx tsx packages/testbed/src/redis.ts [--own] [--keep-data]

  --own        start one even when REDIS_URL names one
  --keep-data  write every change to disk while it runs`;

if (runsDirectly(import.meta.url)) {
  await keepUntilSignal(USAGE, async () => {
    const { values } = parseArgs({
      options: { own: { type: 'boolean' }, 'keep-data': { type: 'boolean' } },
    });
    const redis = await startRedis({
      own: values.own ?? false,
      keepsData: values['keep-data'] ?? false,
    });
    return { address: redis.url, stop: () => redis.stop() };
  });
}
