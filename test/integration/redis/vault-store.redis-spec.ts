import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { startRedis, type RedisServer } from '../../../packages/testbed/src/redis.js';
import { FileVaultStore } from '../../../src/signing-secrets/stores/file.secrets-store.js';
import { RedisVaultStore } from '../../../src/signing-secrets/stores/redis.secrets-store.js';
import {
  VaultUnavailableError,
  type VaultStore,
} from '../../../src/signing-secrets/secrets-store.js';

let redis: RedisServer;
let folder: string;
const opened: VaultStore[] = [];

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

const STORES: [string, () => Promise<VaultStore>, () => Promise<void>][] = [
  [
    'a file',
    () => Promise.resolve(new FileVaultStore(path())),
    () => Promise.resolve(void vaults++),
  ],
  ['Redis', redisStore, emptied],
];

async function redisStore(): Promise<VaultStore> {
  const store = new RedisVaultStore(redis);
  const isThere = () => store.read().then(Boolean, () => false);
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

  it('has what was written, whoever reads it, and says when it is the same', async () => {
    await anew();
    const [one, two] = [await another(), await another()];
    expect(await one.read()).toEqual({ version: '', text: '' });
    expect(await one.read('')).toBeUndefined();
    const version = await one.write('{"a":"é"}', '');
    expect(version).toBeTruthy();
    expect(await two.read('')).toEqual({ version, text: '{"a":"é"}' });
    expect(await two.read(version)).toBeUndefined();
  });

  it('is written by one of two who read the same', async () => {
    await anew();
    const [one, two] = [await another(), await another()];
    const versions = await Promise.all([one.write('1', ''), two.write('2', '')]);
    expect(versions.filter((version) => version !== undefined)).toHaveLength(1);
    const winner = versions[0] === undefined ? '2' : '1';
    expect(await one.read()).toMatchObject({ text: winner });
    expect(await one.write('3', '')).toBeUndefined();
  });

  it('loses nothing of many who count together', async () => {
    await anew();
    const stores = [await another(), await another(), await another()];
    await Promise.all([...stores, ...stores, ...stores].map(count));
    expect(await stores[0]!.read()).toMatchObject({ text: '9' });
  });
});

/** One more than stands there. */
async function count(store: VaultStore): Promise<void> {
  for (;;) {
    const { version, text } = (await store.read())!;
    const next = String(Number(text) + 1);
    if ((await store.write(next, version)) !== undefined) return;
  }
}

describe('the vault in a file', () => {
  it('is its owner’s alone, and leaves nothing beside it', async () => {
    vaults++;
    const store = new FileVaultStore(path());
    await store.write('x', '');
    expect((await stat(path())).mode & 0o777).toBe(0o600);
    const beside = (await readdir(folder)).filter((name) =>
      name.startsWith(`vault-${vaults}`),
    );
    expect(beside).toEqual([`vault-${vaults}`]);
  });

  it('waits for whoever holds the lock, but not for one who died with it', async () => {
    vaults++;
    const store = new FileVaultStore(path(), 300);
    await writeFile(`${path()}.lock`, 'dead');
    expect(await store.write('x', '')).toBeTruthy();
    expect(existsSync(`${path()}.lock`)).toBe(false);
  });

  it('does not write when its lock was lost while it was suspended', async () => {
    vaults++;
    const store = new FileVaultStore(path());
    const stored = store['stored'].bind(store);
    store['stored'] = async () => {
      const found = await stored();
      await writeFile(`${path()}.lock`, 'somebody else');
      return found;
    };
    await expect(store.write('x', '')).rejects.toThrow(/its lock was lost/);
    expect(existsSync(path())).toBe(false);
    expect(existsSync(`${path()}.lock`)).toBe(true); // it is theirs
  });

  it('says which file it is that cannot be read or written', async () => {
    const store = new FileVaultStore(folder);
    await expect(store.read()).rejects.toThrow(
      new RegExp(`VAULT_FILE ${folder}: EISDIR`),
    );
    const nowhere = new FileVaultStore(join(folder, 'none', 'vault'));
    await expect(nowhere.write('x', '')).rejects.toThrow(/VAULT_FILE .*: ENOENT/);
    await writeFile(join(folder, 'file'), '');
    const below = new FileVaultStore(join(folder, 'file', 'vault'));
    await expect(below.read()).rejects.toBeInstanceOf(VaultUnavailableError);
  });
});

describe('the vault in Redis', () => {
  it('says so when Redis does not answer', async () => {
    const store = new RedisVaultStore({ url: 'redis://127.0.0.1:1' });
    opened.push(store);
    await expect(store.read()).rejects.toThrow('Redis does not answer');
  });
});
