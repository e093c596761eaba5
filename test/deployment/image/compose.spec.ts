import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { optionsOf } from '../../../packages/gemini-emulator/src/control/command-line.js';
import { parseDockerfile } from '../../../tools/image/dockerfile.js';
import { startContainer } from '../../../tools/image/container.js';
import { image } from '../../../tools/image/image.js';
import { KAFKA_VERSION } from '../../../packages/testbed/src/kafka/jars.js';
import {
  temporaryFolder,
  type TemporaryFolder,
} from '../../../packages/testbed/src/process/temporary-folder.js';
import { loadConfig } from '../../../src/config/load-config.js';
import { parseKeyring } from '../../../src/infrastructure/files/keyring.js';
import { describeSandboxed } from '../../support/sandboxed.js';

interface Service {
  readonly image?: string;
  readonly build?: string | { readonly context: string; readonly target: string };
  readonly environment?: Readonly<Record<string, string>>;
  readonly command?: string[];
  readonly entrypoint?: string[];
  readonly volumes?: string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: string[] };
}

const ROOT = join(import.meta.dirname, '..', '..', '..');
const text = (name: string) => readFileSync(join(ROOT, name), 'utf8');
const { services, volumes } = parse(text('compose.yaml')) as {
  services: Record<'bridge' | 'keys' | 'gemini' | 'kafka' | 'redis', Service>;
  volumes: Record<string, unknown>;
};
const { bridge, keys, gemini, kafka } = services;
const environment = bridge.environment ?? {};
const settings = (folder: string) =>
  Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name,
      value.replace(/^\/keys/, folder),
    ]),
  );

let folder: TemporaryFolder;

beforeAll(async () => {
  folder = await temporaryFolder('gemini-kafka-bridge-test');
});

afterAll(async () => {
  await folder.remove();
});

describe('compose.yaml', () => {
  it('gives the bridge a valid environment, with the URL and the key of the emulator', () => {
    const given = join(folder.path, 'given');
    mkdirSync(given);
    for (const name of Object.values(environment).filter((each) =>
      each.startsWith('/keys'),
    )) {
      writeFileSync(name.replace('/keys', given), 'x');
    }
    const config = loadConfig(settings(given));
    expect(config).toMatchObject({
      publicUrl: 'http://127.0.0.1:8080',
      kafka: { brokers: ['kafka:9092'] },
      webhooks: { mode: 'ensure', declared: [{ name: 'main' }] },
    });
    const emulator = optionsOf(gemini.command ?? []);
    expect(config.gemini).toEqual({
      url: `http://127.0.0.1:${emulator?.port}`,
      apiKey: emulator?.apiKey,
    });
  });

  it('has a health check for each service that another waits for, and each volume that is mounted', () => {
    for (const { depends_on: needs = {}, volumes: mounted = [] } of Object.values(
      services,
    )) {
      for (const [name, { condition }] of Object.entries(needs)) {
        const needed = (services as Record<string, Service>)[name];
        expect(needed).toBeDefined();
        if (condition === 'service_healthy') expect(needed?.healthcheck).toBeDefined();
      }
      for (const mount of mounted)
        expect(volumes).toHaveProperty(mount.split(':')[0] ?? '');
    }
  });

  it('has the Kafka version of the tests, with one replica of each topic', () => {
    expect(kafka.image).toBe(`apache/kafka:${KAFKA_VERSION}`);
    const factors = Object.entries(kafka.environment ?? {}).filter(([name]) =>
      /REPLICATION_FACTOR|MIN_ISR/.test(name),
    );
    expect(factors.length).toBeGreaterThan(4);
    expect(factors.filter(([, value]) => value !== '1')).toEqual([]);
  });

  it('builds the stage of the Dockerfile that starts the emulator', () => {
    const { stages } = parseDockerfile(text('Dockerfile'));
    const target = typeof gemini.build === 'object' ? gemini.build.target : undefined;
    const stage = stages.find(({ name }) => name === target);
    const [entrypoint] =
      stage?.instructions.filter(({ name }) => name === 'ENTRYPOINT') ?? [];
    expect(entrypoint?.text).toContain('packages/gemini-emulator/src/cli.ts');
  });

  it('checks the readiness of the bridge by a valid script', () => {
    const script = bridge.healthcheck?.test.at(-1) ?? '';
    expect(() => new Script(script)).not.toThrow();
    expect(script).toContain('8081/health/ready');
  });
});

describeSandboxed('compose.yaml', () => {
  it('makes valid keys at the first start, and keeps them', async () => {
    const from = join(folder.path, 'keys');
    mkdirSync(from);
    const make = async () => {
      await using container = await startContainer(await image(), {
        uid: 0,
        gid: 0,
        cwd: '/keys',
        command: keys.entrypoint ?? [],
        mounts: [{ from, to: '/keys', writable: true }],
      });
      expect([await container.exited, container.lines]).toEqual([
        { code: 0, signal: null },
        [],
      ]);
      return Object.fromEntries(
        readdirSync(from).map((name) => [name, readFileSync(join(from, name), 'utf8')]),
      );
    };
    const made = await make();
    expect(Object.keys(made).toSorted()).toEqual([
      'api-tokens',
      'capability-keys',
      'vault-keys',
    ]);
    expect(parseKeyring(made['capability-keys'] ?? '').size).toBe(1);
    expect(parseKeyring(made['vault-keys'] ?? '').size).toBe(1);
    expect(made['api-tokens']).toMatch(/^\S{32}\n$/);
    expect(() => loadConfig(settings(from))).not.toThrow();
    expect(await make()).toEqual(made);
  }, 600_000);
});
