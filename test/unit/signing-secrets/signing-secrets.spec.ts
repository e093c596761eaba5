import { readFile } from 'node:fs/promises';
import { Logger } from '@nestjs/common';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Config } from '../../../src/config/config.js';
import { sealKeyId } from '../../../src/signing-secrets/document/seal.js';
import {
  EMPTY,
  parseSecretsDocument,
  withPendingIssuance,
  withSecret,
  withWebhookGone,
  withWebhooksPresent,
} from '../../../src/signing-secrets/secrets-document.js';
import { NEVER_WRITTEN } from '../../../src/signing-secrets/secrets-store.js';
import { SigningSecrets } from '../../../src/signing-secrets/signing-secrets.js';
import { parseSecret } from '../../../src/signing-secrets/webhook-secret.js';
import { newSecret } from '../../support/issuing-gemini.js';
import { SkippingClock } from '../../support/manual-clock.js';
import { MemorySecretsStore } from '../../support/memory.secrets-store.js';
import { temporaryFile, type TemporaryFile } from '../../support/temporary-file.js';
import { keyLine } from './vault-keys.js';

const NOW = Date.now();
const DAY_MS = 24 * 3_600_000;
const LATE_MS = 600_000;

let store: MemorySecretsStore;
let keys: TemporaryFile;
let clock: SkippingClock;
let secrets: SigningSecrets;
const started: SigningSecrets[] = [];

beforeAll(() => Logger.overrideLogger(false));

beforeEach(async () => {
  store = new MemorySecretsStore();
  keys = temporaryFile(keyLine('k1'));
  clock = new SkippingClock();
  secrets = await startReplica();
});

afterEach(() => {
  for (const each of started.splice(0)) each.onApplicationShutdown();
  keys[Symbol.dispose]();
});

/** Another replica with the same store. */
async function startReplica(
  keyFile = keys,
  mode: 'ensure' | 'report' = 'report',
): Promise<SigningSecrets> {
  const config = { vault: { keysFile: keyFile.path }, webhooks: { mode } } as Config;
  const replica = new SigningSecrets(store, config, clock);
  started.push(replica);
  await replica.load();
  return replica;
}

async function add(to: SigningSecrets, revokes = false): Promise<string> {
  const secret = newSecret();
  const added = await to.seal(secret, 'w1', NOW);
  await to.updateDocument((document) => withSecret(document, 'w1', added, revokes));
  return parseSecret(secret).keyId;
}

const liveIn = (replica: SigningSecrets, at = NOW) =>
  replica.live(at).map(({ keyId }) => keyId);

describe('the live secrets', () => {
  it('are both after a rotation, and the older one for a day', async () => {
    const [first, second] = [await add(secrets), await add(secrets)];
    expect(liveIn(secrets)).toEqual([second, first]);
    const lastMs = NOW + DAY_MS + LATE_MS - 1;
    expect(liveIn(secrets, lastMs)).toEqual([second, first]);
    expect(liveIn(secrets, lastMs + 1)).toEqual([second]);
  });

  it('are only the new one if the rotation revoked the others', async () => {
    await add(secrets);
    const second = await add(secrets, true);
    expect(liveIn(secrets)).toEqual([second]);
  });

  it('have the end of each and the characters that Gemini shows', async () => {
    const secret = newSecret();
    const added = await secrets.seal(secret, 'w1', NOW);
    await secrets.updateDocument((document) => withSecret(document, 'w1', added, false));
    await add(secrets);
    expect(secrets.live(NOW)).toMatchObject([
      { expiresAt: Infinity },
      { expiresAt: NOW + DAY_MS, tail: secret.slice(-4), webhookId: 'w1' },
    ]);
  });

  it('are stored without anything that helps without the key', async () => {
    const secret = newSecret();
    const added = await secrets.seal(secret, 'w1', NOW);
    await secrets.updateDocument((document) => withSecret(document, 'w1', added, false));
    const bytes = secret.slice('whsec_'.length);
    expect(store.stored.text).not.toContain(bytes.slice(0, 12));
    expect(parseSecretsDocument(store.stored.text)).toMatchObject({
      webhooks: { w1: { secrets: [{ keyId: parseSecret(secret).keyId }] } },
    });
  });

  it('are known to another replica after a refresh', async () => {
    const other = await startReplica();
    for (let n = 0; n < 3; n++) {
      const keyId = await add(secrets);
      await other.refresh();
      expect(liveIn(other)).toContain(keyId);
    }
  });

  it('do not include a sealed secret that was moved to another webhook', async () => {
    await add(secrets);
    const { w1 } = secrets.document.webhooks;
    await secrets.updateDocument((document) => ({ ...document, webhooks: { w2: w1! } }));
    for (const replica of [secrets, await startReplica()]) {
      expect(replica.live(NOW)).toEqual([]);
      expect(replica.troubles[0]).toMatch(/that of another webhook/);
    }
  });
});

describe('what a replica may not know', () => {
  it('is a secret while an issuance is pending', async () => {
    const entry = {
      id: 'p',
      since: NOW,
      until: NOW,
      holder: '',
      tries: 0,
      revokes: false,
    };
    expect(secrets.mayLackSecret(NOW)).toBe(false);
    await secrets.updateDocument((document) => withPendingIssuance(document, entry));
    expect(secrets.mayLackSecret(NOW)).toBe(true);
  });

  it('is a lost secret until its end', async () => {
    await secrets.updateDocument((document) => ({ ...document, lostUntil: NOW + 5 }));
    expect([NOW + 4, NOW + 5].map((now) => secrets.mayLackSecret(now))).toEqual([
      true,
      false,
    ]);
  });

  it.each([
    ['ensure', undefined, true],
    ['ensure', false, true],
    ['ensure', true, false],
    ['report', undefined, false],
  ] as const)(
    'with WEBHOOKS_MODE=%s and isHeld %p is a declared webhook’s secret: %p',
    async (mode, isHeld, expected) => {
      const replica = await startReplica(keys, mode);
      const observation = { name: 'main', state: 'enabled', drift: [], isHeld: !!isHeld };
      const seen = { at: NOW, webhooks: { w1: observation } };
      await replica.updateDocument((document) => ({
        ...document,
        ...(isHeld !== undefined && { seen }),
        lookDue: true,
      }));
      expect(replica.mayLackSecret(NOW)).toBe(expected);
    },
  );
});

describe('a secret may be invalid', () => {
  beforeEach(async () => {
    await add(secrets);
    await add(secrets);
  });

  it('from its end on', () => {
    const [newest, old] = secrets.live(NOW);
    expect(secrets.mayBeInvalid(newest!, NOW + 99 * DAY_MS)).toBe(false);
    expect(secrets.mayBeInvalid(old!, NOW + DAY_MS - 1)).toBe(false);
    expect(secrets.mayBeInvalid(old!, NOW + DAY_MS)).toBe(true);
  });

  it.each([true, false])('during an issuance that revokes: %p', async (revokes) => {
    const entry = { id: 'p', since: NOW, until: NOW, holder: '', tries: 0, revokes };
    await secrets.updateDocument((document) =>
      withPendingIssuance(document, { ...entry, webhookId: 'w1' }),
    );
    const [newest] = secrets.live(NOW);
    expect(secrets.mayBeInvalid(newest!, NOW)).toBe(revokes);
    expect(secrets.mayBeInvalid({ ...newest!, webhookId: 'w2' }, NOW)).toBe(false);
  });

  it('ten minutes after its webhook is gone, until it is back', async () => {
    const [newest] = secrets.live(NOW);
    await secrets.updateDocument((document) => withWebhookGone(document, 'w1', NOW));
    expect(secrets.mayBeInvalid(newest!, NOW + LATE_MS - 1)).toBe(false);
    expect(secrets.mayBeInvalid(newest!, NOW + LATE_MS)).toBe(true);
    await secrets.updateDocument((document) =>
      withWebhooksPresent(document, new Set(['w1'])),
    );
    expect(secrets.mayBeInvalid(newest!, NOW + LATE_MS)).toBe(false);
  });
});

describe('resealing', () => {
  it('uses the newest key, so that the old one can be removed', async () => {
    const keyId = await add(secrets);
    const fresh = keyLine('k2');
    using both = temporaryFile(`${fresh}\n${await readFile(keys.path, 'utf8')}`);
    const replica = await startReplica(both);
    await replica.resealAll();
    const [sealed] = replica.document.webhooks['w1']?.secrets ?? [];
    expect(sealKeyId(sealed!.sealed)).toBe('k2');
    using only = temporaryFile(fresh);
    expect(liveIn(await startReplica(only))).toEqual([keyId]);
    const { version } = store.stored;
    await replica.resealAll();
    expect(store.stored.version).toBe(version);
  });

  it('leaves a secret as it is whose key is missing', async () => {
    await add(secrets);
    const { text } = store.stored;
    using other = temporaryFile(keyLine('k2'));
    await (await startReplica(other)).resealAll();
    expect(store.stored.text).toBe(text);
  });

  it('with a key that another replica does not have yet leaves the secret usable there', async () => {
    const keyId = await add(secrets);
    using newer = temporaryFile(`${keyLine('k2')}\n${await readFile(keys.path, 'utf8')}`);
    await (await startReplica(newer)).resealAll();
    await secrets.refresh();
    expect(liveIn(secrets)).toEqual([keyId]);
    expect(secrets.troubles[0]).toMatch(/sealed with the key k2/);
  });
});

describe('a store that lost versions', () => {
  it('that a replica with less knowledge wrote anew gets all secrets', async () => {
    const other = await startReplica();
    const known = [await add(secrets), await add(secrets)];
    store.stored = NEVER_WRITTEN;
    const fresh = await startReplica();
    const third = await add(fresh, true);
    for (const replica of [secrets, other, fresh]) await replica.refresh();
    for (const replica of [secrets, other, fresh]) {
      expect(liveIn(replica)).toEqual(expect.arrayContaining([...known, third]));
      // The newest secret is unknown until recovery has rotated; until then none is refused
      expect(replica.mayLackSecret(NOW)).toBe(true);
      expect(replica.document.unsettled).toMatchObject([{ webhookId: 'w1' }]);
    }
  });

  it('does not get back a revoked secret', async () => {
    const other = await startReplica();
    await add(secrets);
    await other.refresh();
    const before = store.stored;
    const second = await add(secrets, true);
    // A failover loses the revocation, and the other replica writes something else
    store.stored = { ...before, version: '77' };
    await other.updateDocument((document) => ({ ...document, lookDue: true }));
    for (const replica of [secrets, other]) await replica.refresh();
    for (const replica of [secrets, other]) {
      expect(liveIn(replica)).toEqual([second]);
      expect(replica.document.lookDue).toBe(true);
      expect(replica.document.unsettled).toMatchObject([
        { webhookId: 'w1', revokes: true },
      ]);
    }
  });
});

describe('load', () => {
  it('waits for a store that is still connecting', async () => {
    store.isAway = true;
    const read = store.readDocument.bind(store);
    store.readDocument = (known) => {
      if (clock.now() >= 2000) store.isAway = false;
      return read(known);
    };
    await secrets.load();
    expect(secrets.troubles).toEqual([]);
  });

  it('fails after three seconds', async () => {
    store.isAway = true;
    await expect(secrets.load()).rejects.toThrow('it is away');
    expect(clock.now()).toBe(3100);
  });
});

describe('the start', () => {
  it('does not wait for a store that cannot be read', async () => {
    store.isAway = true;
    await secrets.onApplicationBootstrap();
    expect(secrets.troubles).toEqual(['it is away']);
  });
});

describe('without a store', () => {
  it('there are no secrets, and an update names the setting', async () => {
    const none = new SigningSecrets(undefined, { vault: {}, webhooks: {} } as Config);
    await none.onApplicationBootstrap();
    await none.load();
    await none.refresh();
    expect([none.configured, none.live(NOW), none.troubles]).toEqual([false, [], []]);
    expect(none.mayLackSecret(NOW)).toBe(false);
    await expect(none.updateDocument(() => EMPTY)).rejects.toThrow(/VAULT_KEYS_FILE/);
  });
});
