import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { GeminiEmulator } from '../../../packages/gemini-emulator/src/emulator.js';
import {
  startSecureKafka,
  type SecureKafka,
} from '../../../packages/testbed/src/kafka/secure.js';
import { freePorts } from '../../../packages/testbed/src/process/free-ports.js';
import { startRedis, type RedisServer } from '../../../packages/testbed/src/redis.js';
import { runCli } from '../../../src/cli/program.js';
import type { ConnectionResult } from '../../../src/cli/connections/connection-check.js';
import { json as answering, LoopbackServer } from '../../support/loopback-server.js';
import { SECRET } from '../../support/sender.js';

const PASSWORD = 'hunter2-of-redis';
/** Words of kafkajs, ioredis, undici and OpenSSL. */
const RAW =
  /Connection error|Closed connection|KafkaJS|Stream isn't|fetch failed|SSL routines|connect E|getaddrinfo/;

let kafka: SecureKafka;
let redis: RedisServer;
let gemini: GeminiEmulator;
let silent: Server;
/** Address on which no server listens. */
let closed: string;
let folder: string;
let env: Record<string, string>;

beforeAll(async () => {
  kafka = await startSecureKafka();
  redis = await startRedis({ own: true });
  gemini = await GeminiEmulator.start();
  const [port] = await freePorts(1);
  closed = `127.0.0.1:${port}`;
  silent = createServer((socket) => void socket.on('error', () => undefined).resume());
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const admin = new Redis(redis.url);
  await admin.call(
    'ACL',
    'SETUSER',
    'limited',
    'on',
    `>${PASSWORD}`,
    '~other:*',
    '+@all',
  );
  await admin.call('ACL', 'SETUSER', 'bridge', 'on', `>${PASSWORD}`, '~*', '+@all');
  admin.disconnect();
  folder = mkdtempSync(join(tmpdir(), 'bridge-connect-'));
  const key = `k1:${Buffer.alloc(32, 'k').toString('base64url')}`;
  env = {
    PORT: '0',
    INTERNAL_PORT: '0',
    KAFKA_BROKERS: kafka.brokers,
    TOPIC_REPLICATION: '1',
    TOPIC_MIN_ISR: '1',
    REDIS_URL: redis.url,
    GEMINI_URL: gemini.url,
    GEMINI_API_KEY: gemini.apiKey,
    JWKS_URL: gemini.jwksUrl,
    PUBLIC_URL: 'https://bridge.example',
    CAPABILITY_KEYS_FILE: file('keys', key),
    WEBHOOK_SECRETS: SECRET,
    API_AUTH: 'none',
  };
}, 120_000);

afterAll(async () => {
  silent.close();
  await gemini.stop();
  await redis.stop();
  await kafka.stop();
  rmSync(folder, { recursive: true });
}, 60_000);

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function connect(change: Record<string, string> = {}, ...args: string[]) {
  const printed = { out: '', err: '' };
  const command = ['config', 'check', '--connect', ...args];
  const code = await runCli(command, {
    env: { ...env, ...change },
    out: (text) => void (printed.out += text),
    err: (text) => void (printed.err += text),
  });
  return { code, ...printed };
}

async function resultOf(target: string, change: Record<string, string>) {
  const { code, out } = await connect(change, '--json', '--timeout', '10');
  const { ok, connections } = JSON.parse(out) as {
    ok: boolean;
    connections: ConnectionResult[];
  };
  expect([code, ok]).toEqual([1, false]);
  expect(out).not.toMatch(RAW);
  const failed = connections.filter((connection) => !connection.ok);
  expect(failed.map((connection) => connection.target)).toEqual([target]);
  return failed[0]?.detail ?? '';
}

const silentAddress = () => `127.0.0.1:${(silent.address() as AddressInfo).port}`;

describe('config check --connect', () => {
  it('prints a line of progress and a result for each server', async () => {
    const { code, out, err } = await connect();
    expect(out.split('\n')).toEqual([
      'the bridge would start with this environment',
      'Kafka: ok: 1 broker; 12 of 12 topics are missing, and the bridge may create them',
      'Redis: ok: keys of gemini-bridge can be written',
      'Gemini: ok: it accepts the key',
      expect.stringMatching(/^Google's keys: ok: \d keys?$/),
      '',
    ]);
    expect(err).toContain(`asking Kafka at ${kafka.brokers} (at most 10 s) …\n`);
    expect(err).toContain(`asking Gemini at ${gemini.url} (at most 10 s) …\n`);
    expect(code).toBe(0);
  });

  it('does not create the topics, and sees them when they exist', async () => {
    const made = await runCli(['topics', 'create'], {
      env: { ...env, TOPIC_PREFIX: 'made' },
      out: () => undefined,
      err: () => undefined,
    });
    expect(made).toBe(0);
    const { out } = await connect({ TOPIC_PREFIX: 'made' });
    expect(out).toContain('Kafka: ok: 1 broker; 12 topics exist and are durable enough');
    expect((await connect()).out).toContain('12 of 12 topics are missing');
  });

  it('ends each check within its time limit', async () => {
    const startedAt = performance.now();
    const { code, out } = await connect(
      { KAFKA_BROKERS: silentAddress() },
      '--timeout',
      '1',
    );
    expect(code).toBe(1);
    expect(out).toMatch(
      /^Kafka: failed: KAFKA_BROKERS: got .*not answer within 1 s; .*Remedy/m,
    );
    expect(out).toMatch(/^Redis: ok: /m);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });

  it.each<[string, () => Record<string, string>, RegExp]>([
    [
      'too few brokers',
      () => ({ TOPIC_REPLICATION: '', TOPIC_MIN_ISR: '' }),
      /^TOPIC_REPLICATION: got 3, but the cluster has 1 broker; .*TOPIC_MIN_ISR=1/,
    ],
    [
      'topics that are not created',
      () => ({ TOPICS_MODE: 'check' }),
      /^TOPICS_MODE: got check, although .*gemini\.other.*topics create/,
    ],
    [
      'a closed port',
      () => ({ KAFKA_BROKERS: closed }),
      /^KAFKA_BROKERS: got 127\.0\.0\.1:\d+, where nothing listens \(ECONNREFUSED\); .*Remedy/,
    ],
    [
      'an unknown host',
      () => ({ KAFKA_BROKERS: 'nowhere.invalid:9092' }),
      /^KAFKA_BROKERS: got nowhere\.invalid:9092, whose host name is unknown/,
    ],
    [
      'a broker that does not answer',
      () => ({ KAFKA_BROKERS: silentAddress() }),
      /^KAFKA_BROKERS: got 127\.0\.0\.1:\d+, which does not answer/,
    ],
    [
      'TLS for a port without it',
      () => ({ KAFKA_TLS: 'true' }),
      /^KAFKA_TLS: got TLS for .*which does not use TLS there.*KAFKA_TLS=false/,
    ],
    [
      'no TLS for a port with it',
      () => ({ KAFKA_BROKERS: kafka.saslBrokers }),
      /^KAFKA_TLS: got nothing, and .*closes the connection.*KAFKA_TLS=true/,
    ],
    [
      'no CA',
      () => ({ KAFKA_BROKERS: kafka.saslBrokers, KAFKA_TLS: 'true' }),
      /^KAFKA_TLS_CA_FILE: got nothing; .*set KAFKA_TLS_CA_FILE/,
    ],
    [
      'another CA',
      () => ({
        KAFKA_BROKERS: kafka.saslBrokers,
        KAFKA_TLS_CA_FILE: kafka.clientCertificatePath,
      }),
      /^KAFKA_TLS_CA_FILE: got a CA that has not signed the certificate of /,
    ],
    [
      'no user',
      () => ({ KAFKA_BROKERS: kafka.saslBrokers, KAFKA_TLS_CA_FILE: kafka.caPath }),
      /^KAFKA_SASL_MECHANISM: got nothing, and .*set KAFKA_SASL_MECHANISM/,
    ],
    [
      'another password',
      () => ({
        KAFKA_BROKERS: kafka.saslBrokers,
        KAFKA_TLS_CA_FILE: kafka.caPath,
        KAFKA_SASL_MECHANISM: 'scram-sha-256',
        KAFKA_SASL_USERNAME: 'bridge',
        KAFKA_SASL_PASSWORD: 'hunter2',
      }),
      /^KAFKA_SASL_PASSWORD: got a user or a password that the broker refuses/,
    ],
    [
      'a user for a port without SASL',
      () => ({
        KAFKA_SASL_MECHANISM: 'plain',
        KAFKA_SASL_USERNAME: 'bridge',
        KAFKA_SASL_PASSWORD: 'hunter2',
      }),
      /^KAFKA_SASL_MECHANISM: got plain, which the listener of the broker does not offer/,
    ],
    [
      'no client certificate',
      () => ({ KAFKA_BROKERS: kafka.mutualTlsBrokers, KAFKA_TLS_CA_FILE: kafka.caPath }),
      /^KAFKA_TLS_CERT_FILE: got nothing; want a client certificate/,
    ],
  ])('explains Kafka with %s', async (_, change, detail) => {
    expect(await resultOf('Kafka', change())).toMatch(detail);
  });

  it.each<[string, () => Record<string, string>, RegExp]>([
    [
      'a closed port',
      () => ({ REDIS_URL: `redis://:hunter2@${closed}` }),
      /^REDIS_URL: got 127\.0\.0\.1:\d+, where nothing listens \(ECONNREFUSED\)/,
    ],
    [
      'sentinels on a closed port',
      () => ({ REDIS_URL: `redis+sentinel://${closed}` }),
      /^REDIS_URL: got 127\.0\.0\.1:\d+, to which no connection can be made/,
    ],
    [
      'a cluster on a closed port',
      () => ({ REDIS_URL: `redis+cluster://${closed}` }),
      /^REDIS_URL: got 127\.0\.0\.1:\d+, to which no connection can be made/,
    ],
    [
      'a server that does not answer',
      () => ({ REDIS_URL: `redis://${silentAddress()}` }),
      /^REDIS_URL: got 127\.0\.0\.1:\d+, which does not answer/,
    ],
    [
      'TLS for a port without it',
      () => ({ REDIS_URL: redis.url.replace('redis:', 'rediss:') }),
      /^REDIS_URL: got rediss:\/\/ for .*not answer a TLS handshake.*redis:\/\/ for rediss/,
    ],
    [
      'another password',
      () => ({ REDIS_URL: redis.url.replace('//', '//bridge:hunter2@') }),
      /^REDIS_URL: got a user or a password that Redis refuses/,
    ],
    [
      'too few rights',
      () => ({ REDIS_URL: redis.url.replace('//', `//limited:${PASSWORD}@`) }),
      /^REDIS_URL: got a user that may not write the keys of the bridge/,
    ],
  ])('explains Redis with %s', async (_, change, detail) => {
    const said = await resultOf('Redis', change());
    expect(said).toMatch(detail);
    expect(said).not.toMatch(/hunter2/);
  });

  it('explains that Gemini refuses the key, without printing the key', async () => {
    const said = await resultOf('Gemini', { GEMINI_API_KEY: 'hunter2' });
    expect(said).toMatch(
      /^GEMINI_API_KEY: got a key that Gemini refuses \(400\): API key/,
    );
    expect(said).not.toContain('hunter2');
  });

  it('explains that no server listens at the address of Gemini', async () => {
    const said = await resultOf('Gemini', { GEMINI_URL: `http://${closed}` });
    expect(said).toMatch(/^GEMINI_URL: got .*where nothing listens \(ECONNREFUSED\)/);
  });

  it('explains key sets that cannot be read', async () => {
    const target = "Google's keys";
    await using server = await LoopbackServer.start(answering({ keys: [] }));
    expect(await resultOf(target, { JWKS_URL: server.url })).toMatch(
      /^JWKS_URL: got http:.*the JWKS has no usable key/,
    );
    expect(await resultOf(target, { JWKS_URL: `http://${closed}` })).toMatch(
      /^JWKS_URL: got .*where nothing listens/,
    );
    const issuer = {
      API_AUTH: '',
      API_OIDC_AUDIENCE: 'bridge',
      API_OIDC_ISSUER: server.url,
    };
    expect(await resultOf('the OIDC issuer', issuer)).toMatch(
      /^API_OIDC_ISSUER: got http:.*another issuer/,
    );
  });

  it('explains a secrets store that cannot be read', async () => {
    const vault = { VAULT_KEYS_FILE: file('vault-keys', keyLine()), VAULT_FILE: folder };
    expect(await resultOf('the secrets store', vault)).toMatch(/^VAULT_FILE: /);
  });

  it('asks no server with a wrong configuration', async () => {
    const { code, err } = await connect({ PORT: '70000' });
    expect(code).toBe(1);
    expect(err).toMatch(/^bad environment\n {2}PORT: /);
    expect(err).not.toContain('asking');
  });
});

const keyLine = () => `v1:${Buffer.alloc(32, 'v').toString('base64url')}`;
