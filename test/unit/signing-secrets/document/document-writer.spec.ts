import { beforeEach, describe, expect, it } from '@jest/globals';
import { DocumentCache } from '../../../../src/signing-secrets/document/document-cache.js';
import { DocumentWriter } from '../../../../src/signing-secrets/document/document-writer.js';
import {
  EMPTY,
  parseSecretsDocument,
  type SecretsDocument,
} from '../../../../src/signing-secrets/secrets-document.js';
import { SecretsUnavailableError } from '../../../../src/signing-secrets/secrets-store.js';
import { SkippingClock } from '../../../support/manual-clock.js';
import { MemorySecretsStore } from '../../../support/memory.secrets-store.js';

let store: MemorySecretsStore;
let clock: SkippingClock;
let cache: DocumentCache;
let writer: DocumentWriter;

function replica(): [DocumentCache, DocumentWriter] {
  const ofReplica = new DocumentCache(store, () => new Map(), clock);
  return [ofReplica, new DocumentWriter(store, ofReplica, clock)];
}

beforeEach(() => {
  store = new MemorySecretsStore();
  clock = new SkippingClock();
  [cache, writer] = replica();
});

const stored = () => parseSecretsDocument(store.stored.text);
const revoke = (keyId: string) => (document: SecretsDocument) => ({
  ...document,
  revoked: { ...document.revoked, [keyId]: 1 },
});

describe('an update', () => {
  it('is stored as a new version of what it edits', async () => {
    const first = await writer.update(revoke('a'));
    const second = await writer.update(revoke('b'));
    expect(second).toMatchObject({ history: [first.id], revoked: { a: 1, b: 1 } });
    expect(stored()).toEqual(second);
    expect(cache.document).toEqual(second);
  });

  it('writes nothing if the edit returns the same object', async () => {
    await writer.update(revoke('a'));
    const { version } = store.stored;
    expect(await writer.update((document) => document)).toEqual(stored());
    expect(store.stored.version).toBe(version);
  });

  it('edits again what another process wrote meanwhile', async () => {
    const [, second] = replica();
    const ids = Array.from({ length: 12 }, (_, n) => `k${n}`);
    await Promise.all(ids.map((id, n) => (n % 2 ? writer : second).update(revoke(id))));
    expect(Object.keys(stored().revoked).toSorted()).toEqual(ids.toSorted());
  });

  it('gives up after 20 conflicts', async () => {
    let tries = 0;
    store.writeDocument = () => {
      tries++;
      return Promise.resolve(undefined);
    };
    await expect(writer.update(revoke('a'))).rejects.toThrow(
      /before each of 20 attempts/,
    );
    expect(tries).toBe(20);
  });

  it('passes on what the edit throws', async () => {
    const refusal = new Error('refused');
    const update = writer.update(() => {
      throw refusal;
    });
    await expect(update).rejects.toBe(refusal);
    expect(store.stored.text).toBe('');
  });

  it('needs a store', async () => {
    const none = new DocumentWriter(undefined, cache, clock);
    await expect(none.update(() => EMPTY)).rejects.toThrow(/set VAULT_KEYS_FILE/);
  });
});

describe('a persistent update', () => {
  it('is repeated until the store answers', async () => {
    store.isAway = true;
    const read = store.readDocument.bind(store);
    store.readDocument = (known) => {
      if (clock.now() >= 30_000) store.isAway = false;
      return read(known);
    };
    await writer.updatePersistently(revoke('a'));
    expect(stored().revoked).toEqual({ a: 1 });
  });

  it('is done once, although its answer was lost', async () => {
    store.loseAnswer(() => true);
    await writer.updatePersistently((document) =>
      'a' in document.revoked ? document : revoke('a')(document),
    );
    expect(stored()).toMatchObject({ revoked: { a: 1 }, history: [] });
  });

  it('fails after a minute', async () => {
    store.isAway = true;
    await expect(writer.updatePersistently(revoke('a'))).rejects.toBeInstanceOf(
      SecretsUnavailableError,
    );
    expect(clock.now()).toBe(60_000);
  });

  it('fails at once for another error', async () => {
    const update = writer.updatePersistently(() => {
      throw new Error('refused');
    });
    await expect(update).rejects.toThrow('refused');
    expect(clock.now()).toBe(0);
  });
});
