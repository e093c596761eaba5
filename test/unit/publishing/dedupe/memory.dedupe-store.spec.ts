import { describe, expect, it } from '@jest/globals';
import { MemoryDedupeStore } from '../../../../src/publishing/dedupe/memory.dedupe-store.js';

const TTL_MS = 10_000;

function storeOf(max = 1000) {
  const seen = { evicted: 0, nowMs: 500 };
  const store = new MemoryDedupeStore(
    TTL_MS,
    max,
    (ids) => {
      seen.evicted += ids;
    },
    () => seen.nowMs,
  );
  return { store, seen };
}

describe('MemoryDedupeStore', () => {
  it('gives a key to one claim at a time and answers done once it is confirmed', () => {
    const { store } = storeOf();
    expect(store.claim('a')).toBe('taken');
    expect(store.claim('a')).toBe('pending');
    expect(store.claim('b')).toBe('taken');
    store.confirm('a');
    expect(store.claim('a')).toBe('done');
    expect(store.claim('b')).toBe('pending');
  });

  it('gives a released key to the next claim', () => {
    const { store } = storeOf();
    store.claim('a');
    store.release('a');
    expect(store.claim('a')).toBe('taken');
  });

  it('keeps a published key when a later claim of it is released', () => {
    const { store } = storeOf();
    store.confirm('a');
    store.release('a');
    expect(store.claim('a')).toBe('done');
  });

  it('gives an abandoned key to the next claim', () => {
    const { store } = storeOf();
    store.claim('a');
    store.abandon('a');
    expect(store.claim('a')).toBe('taken');
  });

  it('keeps a claim without a limit of time', () => {
    const { store, seen } = storeOf();
    store.claim('a');
    seen.nowMs += 100 * TTL_MS;
    expect(store.renew(['a'])).toEqual([true]);
    expect(store.leaseMs).toBe(Infinity);
    expect(store.claim('a')).toBe('pending');
    expect(store.unready).toBeUndefined();
  });

  it('forgets a published key after its time to live and not before', () => {
    const { store, seen } = storeOf();
    store.confirm('a');
    seen.nowMs += TTL_MS;
    expect(store.claim('a')).toBe('done');
    seen.nowMs += TTL_MS / 24 + 1; // a slice is 1/24 of the time to live
    expect(store.claim('a')).toBe('taken');
    store.confirm('a');
    expect(store.claim('a')).toBe('done');
    expect(seen.evicted).toBe(0);
  });

  it('removes forgotten keys from its size', () => {
    const { store, seen } = storeOf();
    for (let i = 0; i < 10; i++) store.confirm(`old-${i}`);
    seen.nowMs += 2 * TTL_MS;
    for (let i = 0; i < 10; i++) store.confirm(`new-${i}`);
    expect(store.size).toBe(10);
    expect(seen.evicted).toBe(0);
  });

  it('keeps keys of all slices', () => {
    const { store, seen } = storeOf();
    for (let i = 0; i < 100; i++) {
      store.confirm(`id-${i}`);
      seen.nowMs += TTL_MS / 100;
    }
    for (let i = 1; i < 100; i++) expect(store.claim(`id-${i}`)).toBe('done');
    expect(store.size).toBe(100);
  });

  it('never holds more keys than its maximum: it forgets the oldest and reports them', () => {
    const { store, seen } = storeOf(3);
    for (const key of ['a', 'b', 'c', 'd']) store.confirm(key);
    expect(store.size).toBe(3);
    expect(seen.evicted).toBe(1);
    expect(store.claim('a')).toBe('taken');
    for (const key of ['b', 'c', 'd']) expect(store.claim(key)).toBe('done');
    for (let i = 0; i < 100; i++) store.confirm(`e${i}`);
    expect(store.size).toBe(3);
    expect(seen.evicted).toBe(101);
  });

  it('forgets an eighth of a large maximum at once, and keeps the rest', () => {
    const { store, seen } = storeOf(8000);
    for (let i = 0; i < 8001; i++) store.confirm(`id-${i}`);
    expect(seen.evicted).toBe(1000);
    expect(store.size).toBe(7001);
    expect(store.claim('id-999')).toBe('taken');
    expect(store.claim('id-1000')).toBe('done');
  });
});
