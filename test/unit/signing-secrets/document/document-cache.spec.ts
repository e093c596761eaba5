import { Logger } from '@nestjs/common';
import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Keyring } from '../../../../src/infrastructure/files/keyring.js';
import type { Clock } from '../../../../src/infrastructure/timing/clock.js';
import { newVersion } from '../../../../src/signing-secrets/document/document-ancestry.js';
import { DocumentCache } from '../../../../src/signing-secrets/document/document-cache.js';
import { DocumentWriter } from '../../../../src/signing-secrets/document/document-writer.js';
import { seal } from '../../../../src/signing-secrets/document/seal.js';
import {
  EMPTY,
  parseSecretsDocument,
  type SecretsDocument,
} from '../../../../src/signing-secrets/secrets-document.js';
import { NEVER_WRITTEN } from '../../../../src/signing-secrets/secrets-store.js';
import { parseSecret } from '../../../../src/signing-secrets/webhook-secret.js';
import { newSecret } from '../../../support/issuing-gemini.js';
import { ManualClock, SkippingClock } from '../../../support/manual-clock.js';
import { MemorySecretsStore } from '../../../support/memory.secrets-store.js';
import { keyring } from '../vault-keys.js';

const KEYS = keyring('k1');
const SECRET = newSecret();

let store: MemorySecretsStore;
let clock: ManualClock;
let cache: DocumentCache;

beforeAll(() => Logger.overrideLogger(false));

beforeEach(() => {
  store = new MemorySecretsStore();
  clock = new ManualClock();
  cache = cacheWith();
});

const cacheWith = (keys: () => Keyring = () => KEYS, on: Clock = clock) =>
  new DocumentCache(store, keys, on);

async function documentWith(secret: string, before = EMPTY): Promise<SecretsDocument> {
  const sealed = await seal(secret, 'w1', KEYS);
  const { keyId } = parseSecret(secret);
  const secrets = [{ keyId, sealed, issuedAt: 0 }];
  return newVersion({ ...before, webhooks: { w1: { secrets } } }, before);
}

function storeDocument(document: SecretsDocument, version: string): void {
  store.stored = { version, text: JSON.stringify(document) };
}

const secretsOf = ({ secrets }: DocumentCache) => secrets.map(({ keyId }) => keyId);
const many = (count: number) =>
  Promise.allSettled(Array.from({ length: count }, () => cache.refresh()));

async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setImmediate(resolve));
}

describe('a read', () => {
  it('adopts the document and unseals its secrets', async () => {
    const document = await documentWith(SECRET);
    storeDocument(document, '1');
    await cache.readStore();
    expect([cache.document, cache.version]).toEqual([document, '1']);
    expect(cache.secrets).toMatchObject([
      { ...parseSecret(SECRET), webhookId: 'w1', expiresAt: Infinity },
    ]);
  });

  it('that fails leaves the known document in use, and is reported', async () => {
    storeDocument(await documentWith(SECRET), '1');
    await cache.readStore();
    store.isAway = true;
    await expect(cache.readStore()).rejects.toThrow('it is away');
    expect(secretsOf(cache)).toEqual([parseSecret(SECRET).keyId]);
    expect(cache.troubles).toEqual(['it is away']);
    store.isAway = false;
    await cache.readStore();
    expect(cache.troubles).toEqual([]);
  });

  it('is trusted for a minute', async () => {
    expect(cache.isStale).toBe(true);
    await cache.readStore();
    store.isAway = true;
    await clock.advance(60_000);
    await cache.readStore().catch(() => undefined);
    expect(cache.isStale).toBe(false);
    await clock.advance(1);
    expect(cache.isStale).toBe(true);
  });

  it.each(['{', '{}', '[]', 'null'])(
    'does not take %s for an empty document',
    async (text) => {
      store.stored = { version: '7', text };
      await expect(cache.readStore()).rejects.toThrow(/was changed by hand\. Restore it/);
      expect(store.stored.text).toBe(text);
    },
  );

  it('reports a secret that cannot be unsealed, until its key is back', async () => {
    let keys = keyring('k2');
    const other = cacheWith(() => keys);
    storeDocument(await documentWith(SECRET), '1');
    await other.readStore();
    expect(secretsOf(other)).toEqual([]);
    expect(other.troubles).toEqual([
      expect.stringMatching(
        /^secret [0-9a-f]{8} of webhook w1 is sealed with the key k1/,
      ),
    ]);
    keys = KEYS;
    await other.readStore();
    expect([secretsOf(other), other.troubles]).toEqual([[parseSecret(SECRET).keyId], []]);
  });
});

describe('a removed key', () => {
  it('is reported, and the secrets that were unsealed with it stay usable', async () => {
    let keys = KEYS;
    const other = cacheWith(() => keys);
    storeDocument(await documentWith(SECRET), '1');
    await other.readStore();
    keys = keyring('k2');
    await other.readStore();
    expect(secretsOf(other)).toEqual([parseSecret(SECRET).keyId]);
    expect(other.troubles).toEqual([expect.stringMatching(/sealed with the key k1/)]);
  });
});

describe('reads', () => {
  it('run one after the other, so that an older document is not taken for a loss', async () => {
    const read = store.readDocument.bind(store);
    let running = 0;
    let most = 0;
    store.readDocument = async (known) => {
      most = Math.max(most, ++running);
      await turns(1);
      running--;
      return read(known);
    };
    await Promise.all([cache.readStore(), cache.readStore(), cache.readStore()]);
    expect(most).toBe(1);
    expect(store.reads).toBe(3);
  });
});

describe('a refresh', () => {
  beforeEach(() => cache.readStore());

  it('shares one read, and keeps a gap of 100 ms to the next', async () => {
    const first = many(100);
    await clock.advance(0);
    await first;
    expect(store.reads).toBe(2);
    const second = many(100);
    await clock.advance(99);
    expect(store.reads).toBe(2);
    await clock.advance(1);
    await second;
    expect(store.reads).toBe(3);
  });

  it('does not join a read that began before it', async () => {
    const read = store.readDocument.bind(store);
    let late: Promise<void> | undefined;
    store.readDocument = (known) => {
      late ??= cache.refresh();
      return read(known);
    };
    const first = cache.refresh();
    await clock.advance(0);
    await first;
    expect(store.reads).toBe(2);
    await clock.advance(100);
    await late;
    expect(store.reads).toBe(3);
  });

  it('is refused while 128 others wait', async () => {
    const all = many(200);
    await clock.advance(0);
    const refused = (await all).filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(200 - 128);
    await clock.advance(100);
    const later = cache.refresh();
    await clock.advance(0);
    expect(await later).toBeUndefined();
  });

  it('that never pauses does not hold up a writer', async () => {
    const flooded = cacheWith(() => KEYS, new SkippingClock());
    const writer = new DocumentWriter(store, flooded, clock);
    const read = store.readDocument.bind(store);
    store.readDocument = async (known) => {
      await turns(20);
      return read(known);
    };
    let flood: NodeJS.Immediate;
    const refreshAtEachTurn = (): void => {
      void flooded.refresh().catch(() => undefined);
      flood = setImmediate(refreshAtEachTurn);
    };
    refreshAtEachTurn();
    await turns(100);
    const before = store.reads;
    await writer.update((document) => ({ ...document, lookDue: true }));
    clearImmediate(flood!);
    expect(store.reads - before).toBeLessThanOrEqual(4);
  });
});

describe('a store that lost versions', () => {
  let first: SecretsDocument;
  let second: SecretsDocument;

  beforeEach(async () => {
    first = await documentWith(SECRET);
    second = await documentWith(newSecret(), first);
    storeDocument(first, '1');
    await cache.readStore();
    storeDocument(second, '2');
    await cache.readStore();
  });

  it('gets them back', async () => {
    for (const lost of [NEVER_WRITTEN, { version: '98', text: JSON.stringify(first) }]) {
      store.stored = lost;
      await cache.readStore();
      expect(parseSecretsDocument(store.stored.text)).toEqual(second);
      expect(cache.document).toEqual(second);
      expect(cache.version).toBe(store.stored.version);
    }
  });

  it('and was written anew gets the secrets of both', async () => {
    const other = await documentWith(newSecret());
    storeDocument(other, '9');
    await cache.readStore();
    const ids = [second, other].map(({ webhooks }) => webhooks['w1']!.secrets[0]!.keyId);
    expect(secretsOf(cache).toSorted()).toEqual(ids.toSorted());
    const { history } = parseSecretsDocument(store.stored.text);
    expect(history).toEqual(expect.arrayContaining([second.id, other.id]));
  });

  it('is read again if another process writes it at the same time', async () => {
    store.stored = NEVER_WRITTEN;
    const write = store.writeDocument.bind(store);
    store.writeDocument = () => Promise.resolve(undefined);
    await expect(cache.readStore()).rejects.toThrow(/lost versions, and another process/);
    expect(cache.document).toEqual(second);
    store.writeDocument = write;
    await cache.readStore();
    expect(parseSecretsDocument(store.stored.text)).toEqual(second);
  });
});

describe('an own write', () => {
  it('does not replace a later version that was read meanwhile', async () => {
    const first = await documentWith(SECRET);
    const second = await documentWith(newSecret(), first);
    storeDocument(second, '2');
    await cache.readStore();
    await cache.adoptOwnWrite({ document: first, version: '1' });
    expect([cache.document, cache.version]).toEqual([second, '2']);
  });
});

describe('without a store', () => {
  it('the document is empty', async () => {
    const none = new DocumentCache(undefined, () => KEYS, clock);
    await none.refresh();
    expect([none.document, none.secrets, none.troubles]).toEqual([EMPTY, [], []]);
  });
});
