import { describe, expect, it } from '@jest/globals';
import type { DedupeConfig } from '../../../src/config/config.js';
import { Metrics } from '../../../src/infrastructure/metrics/metrics.js';
import { MemoryDedupeStore } from '../../../src/publishing/dedupe/memory.dedupe-store.js';
import type { PublishPermit } from '../../../src/publishing/event-publisher.js';
import { JobEndPublications } from '../../../src/publishing/job-end-publications.js';
import {
  DeliveryPendingError,
  Publications,
} from '../../../src/publishing/publications.js';

const END_ID = 'job-1:batch.succeeded';
const END_KEY = `outcome:${END_ID}`;
const RECONCILED_KEY = `jobs/job-1:reconciled:${END_ID}`;
const OWN_PERMIT: PublishPermit = { deadline: 0, askedAt: 0, heldUntil: 0 };

function given() {
  const store = new MemoryDedupeStore(60_000, 100);
  const publications = new Publications(store, new Metrics(), 0, {} as DedupeConfig);
  const permits: PublishPermit[] = [];
  const publish = () =>
    new JobEndPublications(publications).publishDelivered(
      {
        endId: END_ID,
        reconciledKey: RECONCILED_KEY,
        permit: OWN_PERMIT,
        deadline: performance.now() + 4000,
      },
      (permit) => {
        permits.push(permit);
        return Promise.resolve();
      },
    );
  return { store, permits, publish };
}

describe('JobEndPublications', () => {
  it('publishes an end under a claim of its own, and remembers it', async () => {
    const { store, permits, publish } = given();
    await expect(publish()).resolves.toBe('published');
    expect(permits).toHaveLength(1);
    expect(permits[0]).not.toBe(OWN_PERMIT);
    expect(store.has(END_KEY)).toBe(true);
  });

  it('publishes nothing when the reconciler has published the end', async () => {
    const { store, permits, publish } = given();
    store.confirm(END_KEY);
    store.confirm(RECONCILED_KEY);
    await expect(publish()).resolves.toBe('duplicate');
    expect(permits).toEqual([]);
  });

  it("publishes under the delivery's permit when another delivery has published the end", async () => {
    const { store, permits, publish } = given();
    store.confirm(END_KEY);
    await expect(publish()).resolves.toBe('published');
    expect(permits).toEqual([OWN_PERMIT]);
    expect(store.claim(RECONCILED_KEY)).toBe('taken');
  });

  it.each([END_KEY, RECONCILED_KEY])(
    'publishes nothing while another replica holds %s',
    async (key) => {
      const { store, permits, publish } = given();
      if (key === RECONCILED_KEY) store.confirm(END_KEY);
      store.claim(key);
      await expect(publish()).rejects.toThrow(DeliveryPendingError);
      expect(permits).toEqual([]);
    },
  );
});
