import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
} from '@jest/globals';
import { Redis } from 'ioredis';
import { startRedis, type RedisServer } from '../../../packages/testbed/src/redis.js';
import type { RedisAccess } from '../../../src/config/config.js';
import { JsonLogger } from '../../../src/infrastructure/logging/json.logger.js';
import { RedisScripts } from '../../../src/infrastructure/redis/redis-scripts.js';
import { LogCapture } from '../../support/log-capture.js';

const LIMIT_MS = 15_000;
/** Time for several attempts to connect. */
const ATTEMPTS_MS = 1000;

let server: RedisServer;
let address: string;
let connections: RedisScripts<'answer'>[] = [];
let log: LogCapture;

beforeAll(async () => {
  server = await startRedis({ own: true });
  address = new URL(server.url).host;
}, 60_000);

afterAll(() => server?.stop());

beforeEach(() => {
  log = new LogCapture();
  Logger.overrideLogger(new JsonLogger('info'));
});

afterEach(() => {
  for (const connection of connections) connection.close();
  log[Symbol.dispose]();
  Logger.overrideLogger(false);
});

/** Connects twice, as the bridge does for its leases and its jobs. */
async function connectTwice(access: RedisAccess): Promise<void> {
  connections = [1, 2].map(() => new RedisScripts(access, { answer: 'return { 1 }' }));
  await until('both are ready', () => connections.every((each) => !each.unready));
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not ${what}: ${log.text}`);
    await delay(20);
  }
}

/** The log lines about Redis, each as `level message address problem`. */
function lines(): string[] {
  return log.lines
    .map((line) => JSON.parse(line) as Record<string, string>)
    .filter(({ context }) => context === 'Redis')
    .map(({ level, message, address: host, problem = '' }) =>
      [level, message, host, problem].join(' ').trimEnd(),
    );
}

const warning = () => `warn Redis is not available ${address}`;
const recovery = () => `info Redis is available again ${address}`;

describe('an outage of Redis', () => {
  it('is logged once for all connections, with its end, when the process is killed', async () => {
    await connectTwice({ url: server.url });
    await server.kill();
    await until('refused', () => log.text.includes('ECONNREFUSED'));
    await delay(ATTEMPTS_MS);
    expect(lines().filter((line) => line.includes('ECONNREFUSED'))).toEqual([
      expect.stringMatching(`^${warning()} .*ECONNREFUSED`),
    ]);
    expect(lines()).not.toContain(recovery());

    await server.restart();
    await until('back', () => lines().includes(recovery()));
    await delay(ATTEMPTS_MS);
    expect(lines().indexOf(recovery())).toBe(lines().length - 1);
  }, 30_000);

  it('is logged when the process hangs, and each further kind of problem once', async () => {
    await connectTwice({ url: server.url });
    await server.pause();
    await until('silent', () => lines().length > 0);
    await delay(ATTEMPTS_MS);
    expect(lines()).toEqual([`${warning()} no answer within 500 ms`]);

    await server.kill();
    await until('refused', () => log.text.includes('ECONNREFUSED'));
    await server.restart();
    await until('back', () => lines().includes(recovery()));
    expect(lines().filter((line) => line.includes('ECONNREFUSED'))).toHaveLength(1);
  }, 30_000);

  it('is logged when Redis refuses the password, without any password', async () => {
    const access = { url: `redis://:from-url@${address}`, password: 'from-file' };
    const admin = new Redis(server.url);
    try {
      await admin.config('SET', 'requirepass', 'from-file');
      await connectTwice(access);
      access.password = 'outdated';
      await admin.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await until('refused', () => lines().length > 0);
      await delay(ATTEMPTS_MS);
      expect(lines()).toEqual([expect.stringMatching(`^${warning()} .*WRONGPASS`)]);

      access.password = 'from-file';
      await until('back', () => lines().includes(recovery()));
      expect(log.text).not.toMatch(/from-url|from-file|outdated/);
    } finally {
      await admin.config('SET', 'requirepass', '');
      admin.disconnect();
    }
  }, 30_000);

  it('is not logged when the connections are made again at once', async () => {
    await connectTwice({ url: server.url });
    const admin = new Redis(server.url);
    await admin.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await until('disconnected', () => connections.some((each) => each.unready));
    await until('ready', () => connections.every((each) => !each.unready));
    admin.disconnect();
    expect(lines()).toEqual([]);
  }, 30_000);

  it('is logged at the start when there is no Redis', async () => {
    await server.kill();
    connections = [new RedisScripts({ url: server.url }, { answer: 'return { 1 }' })];
    await until('refused', () => lines().length > 0);
    expect(lines()).toEqual([expect.stringMatching(`^${warning()} .*ECONNREFUSED`)]);
    await server.restart();
    await until('back', () => lines().includes(recovery()));
  }, 30_000);
});
