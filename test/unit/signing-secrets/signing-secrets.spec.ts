import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Logger } from '@nestjs/common';
import {
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import type { Config } from '../../../src/config/config.js';
import { SigningSecrets } from '../../../src/signing-secrets/signing-secrets.js';
import {
  EMPTY,
  withWebhookGone,
  withSecret,
  withWebhooksPresent,
  withPendingIssuance,
} from '../../../src/signing-secrets/secrets-document.js';
import {
  NEVER_WRITTEN,
  SecretsStore,
  SecretsUnavailableError,
  type StoredSecrets,
} from '../../../src/signing-secrets/secrets-store.js';
import { parseSecret } from '../../../src/signing-secrets/webhook-secret.js';
import { temporaryFile, type TemporaryFile } from '../../support/temporary-file.js';

const NOW = Date.now();
const keyLine = (kid: string) => `${kid}:${randomBytes(32).toString('base64url')}`;
const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`;
const keyIdOf = (secret: string) => parseSecret(secret).keyId;

/** One that several vaults share, as replicas do. */
class SharedStore extends SecretsStore {
  stored: StoredSecrets = NEVER_WRITTEN;
  reads = 0;
  isAway = false;

  override readDocument(known?: string): Promise<StoredSecrets | undefined> {
    this.reads++;
    if (this.isAway) return Promise.reject(new SecretsUnavailableError('it is away'));
    return Promise.resolve(this.stored.version === known ? undefined : this.stored);
  }

  override writeDocument(text: string, since: string): Promise<string | undefined> {
    if (since !== this.stored.version) return Promise.resolve(undefined);
    this.stored = { version: `${Number(since) + 1}`, text };
    return Promise.resolve(this.stored.version);
  }
}

let store: SharedStore;
let keys: TemporaryFile;
const opened: SigningSecrets[] = [];

beforeAll(() => Logger.overrideLogger(false));

beforeEach(() => {
  store = new SharedStore();
  keys = temporaryFile(keyLine('k1'));
});

afterEach(() => {
  for (const vault of opened.splice(0)) vault.onApplicationShutdown();
  keys[Symbol.dispose]();
});

async function vaultWith(file = keys): Promise<SigningSecrets> {
  const vault = new SigningSecrets(store, {
    vault: { keysFile: file.path },
    webhooks: {},
  } as Config);
  opened.push(vault);
  await vault.onApplicationBootstrap();
  return vault;
}

async function add(
  vault: SigningSecrets,
  secret: string,
  revokes = false,
): Promise<void> {
  const added = await vault.seal(secret, 'w1', NOW);
  await vault.updateDocument((given) => withSecret(given, 'w1', added, revokes));
}

const liveIn = (vault: SigningSecrets, at = NOW) =>
  vault.live(at).map(({ keyId }) => keyId);

describe('SigningSecrets', () => {
  it('keeps secrets sealed: what is stored is of no use without the key', async () => {
    const vault = await vaultWith();
    const secret = newSecret();
    await add(vault, secret);
    expect(liveIn(vault)).toEqual([keyIdOf(secret)]);
    const bytes = secret.slice('whsec_'.length);
    expect(store.stored.text).not.toContain(bytes);
    expect(store.stored.text).not.toContain(bytes.slice(0, 12));
    expect(JSON.parse(store.stored.text)).toMatchObject({
      webhooks: { w1: { secrets: [{ keyId: keyIdOf(secret) }] } },
    });
  });

  it('has both secrets after a rotation for a day, and one where the old are revoked', async () => {
    const vault = await vaultWith();
    const [one, two, three] = [newSecret(), newSecret(), newSecret()];
    await add(vault, one);
    await add(vault, two);
    expect(liveIn(vault)).toEqual([two, one].map(keyIdOf));
    expect(liveIn(vault, NOW + 25 * 3_600_000)).toEqual([keyIdOf(two)]);
    await add(vault, three, true);
    expect(liveIn(vault)).toEqual([keyIdOf(three)]);
  });

  it('adds a secret once, however often it is told to', async () => {
    const vault = await vaultWith();
    const added = await vault.seal(newSecret(), 'w1', NOW);
    for (const _ of [1, 2]) {
      await vault.updateDocument((given) => withSecret(given, 'w1', added, false));
    }
    expect(vault.document.webhooks['w1']?.secrets).toEqual([added]);
  });

  it('knows what another replica has sealed as soon as somebody asks', async () => {
    const [one, two] = [await vaultWith(), await vaultWith()];
    for (let n = 0; n < 3; n++) {
      const secret = newSecret();
      await add(one, secret);
      await two.refresh();
      expect(liveIn(two)).toContain(keyIdOf(secret));
    }
  });

  it('reads once for all that ask at the same time, and not too often', async () => {
    const vault = await vaultWith();
    const before = store.reads;
    await Promise.all(Array.from({ length: 100 }, () => vault.refresh()));
    await Promise.all(Array.from({ length: 100 }, () => vault.refresh()));
    expect(store.reads - before).toBeLessThanOrEqual(3);
  });

  it('lets no more than some wait for that', async () => {
    const vault = await vaultWith();
    const asked = await Promise.allSettled(
      Array.from({ length: 200 }, () => vault.refresh()),
    );
    const refused = asked.filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(72);
  });

  it('stays as it was while the store is away, and says so', async () => {
    const vault = await vaultWith();
    const secret = newSecret();
    await add(vault, secret);
    store.isAway = true;
    await expect(vault.refresh()).rejects.toThrow('it is away');
    expect(liveIn(vault)).toEqual([keyIdOf(secret)]);
    expect(vault.troubles).toEqual(['it is away']);
    store.isAway = false;
    await vault.refresh();
    expect(vault.troubles).toEqual([]);
  });

  it('loses no change of several at once', async () => {
    const vaults = [await vaultWith(), await vaultWith()];
    await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        add(vaults[n % 2] as SigningSecrets, newSecret()),
      ),
    );
    await vaults[0]?.refresh();
    expect(vaults[0]?.live(NOW)).toHaveLength(8);
  });

  it('says which webhook’s secrets may be no good by now', async () => {
    const vault = await vaultWith();
    await add(vault, newSecret());
    await add(vault, newSecret());
    const [newest, old] = vault.live(NOW);
    const day = 24 * 3_600_000;
    expect(vault.mayLackSecret(NOW)).toBe(false);
    expect(vault.mayBeInvalid(old!, NOW + day - 1)).toBe(false);
    expect(vault.mayBeInvalid(old!, NOW + day)).toBe(true);
    expect(liveIn(vault, NOW + day + 599_000)).toContain(old!.keyId);
    expect(liveIn(vault, NOW + day + 600_000)).not.toContain(old!.keyId);
    const entry = { id: 'u', since: NOW, until: NOW, holder: 'h', tries: 0 };
    for (const revokes of [false, true]) {
      const unsettled = { ...entry, webhookId: 'w1', revokes };
      await vault.updateDocument((given) => withPendingIssuance(given, unsettled));
      expect(vault.mayLackSecret(NOW)).toBe(true);
      expect(vault.mayBeInvalid(newest!, NOW)).toBe(revokes);
    }
    await vault.updateDocument((given) => ({
      ...given,
      unsettled: [],
      lostUntil: NOW + 5,
    }));
    expect([NOW, NOW + 5].map((now) => vault.mayLackSecret(now))).toEqual([true, false]);
    await vault.updateDocument((given) => withWebhookGone(given, 'w1', NOW));
    expect(vault.mayBeInvalid(newest!, NOW + 599_000)).toBe(false);
    expect(vault.mayBeInvalid(newest!, NOW + 600_000)).toBe(true);
    await vault.updateDocument((given) => withWebhooksPresent(given, new Set(['w1'])));
    expect(vault.mayBeInvalid(newest!, NOW + 600_000)).toBe(false);
  });

  it('does not open with another key, and says what to do', async () => {
    await add(await vaultWith(), newSecret());
    using lost = temporaryFile(keyLine('k2'));
    using wrong = temporaryFile(keyLine('k1'));
    const [without, other] = [await vaultWith(lost), await vaultWith(wrong)];
    expect(without.live(NOW)).toEqual([]);
    expect(without.troubles[0]).toMatch(/sealed with the key k1, which VAULT_KEYS_FILE/);
    expect(other.live(NOW)).toEqual([]);
    expect(other.troubles[0]).toMatch(/does not open with the key k1.*Put the right key/);
  });

  it('is sealed anew under the newest key, so that the old one can go', async () => {
    const vault = await vaultWith();
    const secret = newSecret();
    await add(vault, secret);
    const newLine = keyLine('k2');
    using both = temporaryFile(`${newLine}\n${await readFile(keys.path, 'utf8')}`);
    const rotated = await vaultWith(both);
    await rotated.resealAll();
    const { version } = store.stored;
    using only = temporaryFile(newLine);
    expect(liveIn(await vaultWith(only))).toEqual([keyIdOf(secret)]);
    await rotated.resealAll();
    expect(store.stored.version).toBe(version);
  });

  it('gives a store back what it has lost, and goes on verifying', async () => {
    const vault = await vaultWith();
    const [one, two] = [newSecret(), newSecret()];
    await add(vault, one);
    const older = store.stored;
    await add(vault, two);
    for (const lost of [NEVER_WRITTEN, { ...older, version: '99' }]) {
      store.stored = lost;
      await vault.refresh();
      expect(liveIn(vault)).toEqual([two, one].map(keyIdOf));
      expect(store.stored.text).toContain(keyIdOf(two));
    }
  });

  it('does not take what it knows for newer than what was written since', async () => {
    const [old, other] = [await vaultWith(), await vaultWith()];
    const [first, revoked, third] = [newSecret(), newSecret(), newSecret()];
    await add(old, first);
    await add(old, revoked);
    // Emptied, and a replica that has just started is the first to write it
    store.stored = NEVER_WRITTEN;
    const fresh = await vaultWith();
    await add(fresh, third, true);
    await old.refresh();
    await other.refresh();
    await fresh.refresh();
    for (const vault of [old, other, fresh]) {
      expect(liveIn(vault)).toContain(keyIdOf(third));
      // Which is the newest, and what was revoked, is found out; until then nothing is refused
      expect(vault.mayLackSecret(NOW)).toBe(true);
      expect(vault.document.unsettled).toMatchObject([{ webhookId: 'w1' }]);
    }
    expect(store.stored.text).toContain(old.document.id);
  });

  it('does not bring back what was revoked when two versions come together', async () => {
    const [one, two] = [await vaultWith(), await vaultWith()];
    const [first, second] = [newSecret(), newSecret()];
    await add(one, first);
    await two.refresh();
    const before = store.stored;
    await add(one, second, true);
    // A failover loses that, and somebody else writes something of no weight
    store.stored = { ...before, version: '77' };
    await two.updateDocument((given) => ({ ...given, lookDue: true }));
    await one.refresh();
    await two.refresh();
    for (const vault of [one, two]) {
      expect(liveIn(vault)).toEqual([keyIdOf(second)]);
      expect(vault.document.lookDue).toBe(true);
      expect(vault.document.unsettled).toMatchObject([
        { webhookId: 'w1', revokes: true },
      ]);
    }
  });

  it('is not believed for ever while it cannot be read', async () => {
    const vault = await vaultWith();
    await add(vault, newSecret());
    expect(vault.isStale).toBe(false);
    store.isAway = true;
    jest.spyOn(performance, 'now').mockReturnValue(performance.now() + 61_000);
    expect(vault.isStale).toBe(true);
    jest.restoreAllMocks();
  });

  it('keeps open what was sealed anew with a key that is not here yet', async () => {
    const vault = await vaultWith();
    const secret = newSecret();
    await add(vault, secret);
    using newer = temporaryFile(`${keyLine('k2')}\n${await readFile(keys.path, 'utf8')}`);
    const other = await vaultWith(newer);
    await other.resealAll();
    await vault.refresh();
    expect(liveIn(vault)).toEqual([keyIdOf(secret)]);
    expect(vault.troubles[0]).toMatch(/sealed with the key k2/);
  });

  it('does not let those who match nothing hold up those who write', async () => {
    const vault = await vaultWith();
    const read = store.readDocument.bind(store);
    store.readDocument = async (known) => {
      await new Promise((resolve) => setTimeout(resolve, 150));
      return read(known);
    };
    const flood = setInterval(() => void vault.refresh().catch(() => undefined), 10);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const before = store.reads;
    await add(vault, newSecret());
    expect(store.reads - before).toBeLessThanOrEqual(4);
    clearInterval(flood);
  });

  it('does not take one webhook’s secret for another’s', async () => {
    const vault = await vaultWith();
    await add(vault, newSecret());
    const { w1 } = vault.document.webhooks;
    await vault.updateDocument((given) => ({ ...given, webhooks: { w2: w1! } }));
    for (const reader of [vault, await vaultWith()]) {
      expect(reader.live(NOW)).toEqual([]);
      expect(reader.troubles[0]).toMatch(/that of another webhook/);
    }
  });

  it.each(['{', '{}', '[]', 'null'])(
    'is not taken for empty when it reads %s',
    async (text) => {
      store.stored = { version: '7', text };
      const vault = await vaultWith();
      await expect(vault.refresh()).rejects.toThrow(/was changed by hand/);
      await expect(vault.updateDocument(() => EMPTY)).rejects.toThrow(
        /was changed by hand/,
      );
      expect(store.stored.text).toBe(text);
    },
  );

  it('notes when a secret was last used, to the minute', async () => {
    const vault = await vaultWith();
    const secret = newSecret();
    await add(vault, secret);
    vault.recordUse(keyIdOf(secret), NOW);
    await vault['usage'].storeUses();
    vault.recordUse(keyIdOf(secret), NOW + 30_000);
    await vault['usage'].storeUses();
    expect(vault.document.webhooks['w1']?.secrets[0]).toMatchObject({ usedAt: NOW });
  });

  it('is empty without a store', async () => {
    const vault = new SigningSecrets(undefined, { vault: {}, webhooks: {} } as Config);
    await vault.onApplicationBootstrap();
    await vault.refresh();
    expect([vault.configured, vault.live(NOW), vault.troubles]).toEqual([false, [], []]);
    await expect(vault.updateDocument(() => EMPTY)).rejects.toThrow(/VAULT_KEYS_FILE/);
  });
});
