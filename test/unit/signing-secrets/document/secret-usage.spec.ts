import { Logger } from '@nestjs/common';
import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DocumentCache } from '../../../../src/signing-secrets/document/document-cache.js';
import { DocumentWriter } from '../../../../src/signing-secrets/document/document-writer.js';
import { SecretUsage } from '../../../../src/signing-secrets/document/secret-usage.js';
import { withSecret } from '../../../../src/signing-secrets/secrets-document.js';
import { SkippingClock } from '../../../support/manual-clock.js';
import { MemorySecretsStore } from '../../../support/memory.secrets-store.js';

const NOW = 1_800_000_000_000;

let store: MemorySecretsStore;
let cache: DocumentCache;
let usage: SecretUsage;

beforeAll(() => Logger.overrideLogger(false));

beforeEach(async () => {
  store = new MemorySecretsStore();
  const clock = new SkippingClock();
  cache = new DocumentCache(store, () => new Map(), clock);
  const writer = new DocumentWriter(store, cache, clock);
  usage = new SecretUsage(cache, writer);
  const secret = { keyId: 'a', sealed: 'sealed', issuedAt: NOW };
  await writer.update((document) => withSecret(document, 'w1', secret, false));
});

const usedAt = () => cache.document.webhooks['w1']?.secrets[0]?.usedAt;

describe('SecretUsage', () => {
  it('stores the last use of a secret, to the minute', async () => {
    usage.recordUse('a', NOW);
    await usage.storeUses();
    usage.recordUse('a', NOW + 59_999);
    await usage.storeUses();
    expect(usedAt()).toBe(NOW);
    usage.recordUse('a', NOW + 60_000);
    await usage.storeUses();
    expect(usedAt()).toBe(NOW + 60_000);
  });

  it('neither reads nor writes without a new use', async () => {
    const { reads } = store;
    usage.recordUse('unknown', NOW);
    await usage.storeUses();
    expect(store.reads).toBe(reads);
  });

  it('knows the last use at once', () => {
    usage.recordUse('a', NOW);
    usage.recordUse('a', NOW + 1);
    expect(usage.times.get('a')).toBe(NOW + 1);
  });
});
