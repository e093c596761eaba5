import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { startRedis, type RedisServer } from '../../../packages/testbed/src/redis.js';
import { FileSecretsStore } from '../../../src/signing-secrets/stores/file.secrets-store.js';
import { RedisSecretsStore } from '../../../src/signing-secrets/stores/redis.secrets-store.js';
import {
  SecretsUnavailableError,
  type SecretsStore,
} from '../../../src/signing-secrets/secrets-store.js';

let redis: RedisServer;
let folder: string;
const opened: SecretsStore[] = [];

beforeAll(async () => {
  redis = await startRedis({ own: true });
  folder = await mkdtemp(join(tmpdir(), 'bridge-vault-'));
});

afterEach(() => {
  for (const store of opened.splice(0)) store.close();
});

afterAll(async () => {
  await redis.stop();
  await rm(folder, { recursive: true });
});

let vaults = 0;
const path = () => join(folder, `vault-${vaults}`);

const STORES: [string, () => Promise<SecretsStore>, () => Promise<void>][] = [
  [
    'a file',
    () => Promise.resolve(new FileSecretsStore(path())),
    () => Promise.resolve(void vaults++),
  ],
  ['Redis', redisStore, emptied],
];

async function redisStore(): Promise<SecretsStore> {
  const store = new RedisSecretsStore(redis);
  const isThere = () => store.readDocument().then(Boolean, () => false);
  while (!(await isThere())) await new Promise((resolve) => setTimeout(resolve, 20));
  return store;
}

async function emptied(): Promise<void> {
  const client = new Redis(redis.url);
  await client.flushall();
  client.disconnect();
}

describe.each(STORES)('the vault in %s', (_where, open, anew) => {
  const another = async () => {
    const store = await open();
    opened.push(store);
    return store;
  };

  it('returns what was written to each reader, and reports an unchanged document', async () => {
    await anew();
    const [one, two] = [await another(), await another()];
    expect(await one.readDocument()).toEqual({ version: '', text: '' });
    expect(await one.readDocument('')).toBeUndefined();
    const version = await one.writeDocument('{"a":"é"}', '');
    expect(version).toBeTruthy();
    expect(await two.readDocument('')).toEqual({ version, text: '{"a":"é"}' });
    expect(await two.readDocument(version)).toBeUndefined();
  });

  it('accepts one of two writes that are based on the same version', async () => {
    await anew();
    const [one, two] = [await another(), await another()];
    const versions = await Promise.all([
      one.writeDocument('1', ''),
      two.writeDocument('2', ''),
    ]);
    expect(versions.filter((version) => version !== undefined)).toHaveLength(1);
    const winner = versions[0] === undefined ? '2' : '1';
    expect(await one.readDocument()).toMatchObject({ text: winner });
    expect(await one.writeDocument('3', '')).toBeUndefined();
  });

  it('loses no increment of concurrent writers', async () => {
    await anew();
    const stores = [await another(), await another(), await another()];
    await Promise.all([...stores, ...stores, ...stores].map(count));
    expect(await stores[0]!.readDocument()).toMatchObject({ text: '9' });
  });
});

/** Increments the stored number. */
async function count(store: SecretsStore): Promise<void> {
  for (;;) {
    const { version, text } = (await store.readDocument())!;
    const next = String(Number(text) + 1);
    if ((await store.writeDocument(next, version)) !== undefined) return;
  }
}

describe('the vault in a file', () => {
  it('is readable by its owner only, and no other file is left', async () => {
    vaults++;
    const store = new FileSecretsStore(path());
    await store.writeDocument('x', '');
    expect((await stat(path())).mode & 0o777).toBe(0o600);
    const beside = (await readdir(folder)).filter((name) =>
      name.startsWith(`vault-${vaults}`),
    );
    expect(beside).toEqual([`vault-${vaults}`]);
  });

  it('waits for the holder of the lock, but not for a holder that died', async () => {
    vaults++;
    const store = new FileSecretsStore(path(), 300);
    await writeFile(`${path()}.lock`, 'dead');
    expect(await store.writeDocument('x', '')).toBeTruthy();
    expect(existsSync(`${path()}.lock`)).toBe(false);
  });

  it('does not write when its lock was lost while it was suspended', async () => {
    vaults++;
    const store = new FileSecretsStore(path());
    const readStored = store['readStored'].bind(store);
    store['readStored'] = async () => {
      const found = await readStored();
      await writeFile(`${path()}.lock`, 'another process');
      return found;
    };
    await expect(store.writeDocument('x', '')).rejects.toThrow(/its lock was lost/);
    expect(existsSync(path())).toBe(false);
    expect(existsSync(`${path()}.lock`)).toBe(true); // the lock belongs to another process
  });

  it('names the file that cannot be read or written', async () => {
    const store = new FileSecretsStore(folder);
    await expect(store.readDocument()).rejects.toThrow(
      new RegExp(`VAULT_FILE ${folder}: EISDIR`),
    );
    const nowhere = new FileSecretsStore(join(folder, 'none', 'vault'));
    await expect(nowhere.writeDocument('x', '')).rejects.toThrow(/VAULT_FILE .*: ENOENT/);
    await writeFile(join(folder, 'file'), '');
    const below = new FileSecretsStore(join(folder, 'file', 'vault'));
    await expect(below.readDocument()).rejects.toBeInstanceOf(SecretsUnavailableError);
  });
});

describe('the vault in Redis', () => {
  it('reports that Redis does not answer', async () => {
    const store = new RedisSecretsStore({ url: 'redis://127.0.0.1:1' });
    opened.push(store);
    await expect(store.readDocument()).rejects.toThrow('Redis does not answer');
  });
});
