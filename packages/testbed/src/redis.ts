import { parseArgs } from 'node:util';
import { runUntilSignal, isMainModule } from './process/command-line.js';
import { freePort } from './process/free-ports.js';
import { secondsSince, toStderr, type Log } from './process/log.js';
import { temporaryFolder } from './process/temporary-folder.js';
import { redisBinary } from './redis/binary.js';
import { LocalRedis, PortTakenError } from './redis/local-redis.js';

const PORT_ATTEMPTS = 5;

export interface RedisOptions {
  /** Starts a Redis even when `REDIS_URL` names one: for tests that break it. */
  readonly own?: boolean;
  /** Redis writes every change to disk before it answers, so `restart()` finds it. Otherwise a restart loses all data. */
  readonly keepsData?: boolean;
  /** Progress; stderr when absent. */
  readonly log?: Log;
}

/** `pid` and the methods that break it throw for a Redis from outside. */
export interface RedisServer extends AsyncDisposable {
  readonly url: string;
  /** `restart()` changes it. */
  readonly pid: number;
  /** Freezes it (SIGSTOP): its connections stay open and nothing answers. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Starts it again on the same port; kills it first if it runs. Resolves when it answers. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * A Redis for development and tests: the one that `REDIS_URL` names, else a new process. A new one ends with `stop()` and
 * with this process, however that ends.
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
    pause: () => redis.pause(),
    resume: () => redis.resume(),
    kill: () => redis.kill(),
    async restart() {
      await redis.kill();
      await redis.start();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** A Redis from outside: this process neither breaks nor stops it. */
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
    'this Redis comes from REDIS_URL and may have other users: start one with { own: true } to break it',
  );
}

async function leaveAlone(): Promise<void> {}

const USAGE = `Starts a Redis for development, prints its URL and runs until Ctrl-C.

  npx tsx packages/testbed/src/redis.ts [--own] [--keep-data]

  --own        start one even when REDIS_URL names one
  --keep-data  write every change to disk while it runs`;

if (isMainModule(import.meta.url)) {
  await runUntilSignal(USAGE, async () => {
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
