import { describe, expect, it } from '@jest/globals';
import { fingerprintOf } from '../../../../src/publishing/dedupe/fingerprint-set.js';
import { PublishedIds } from '../../../../src/publishing/dedupe/published-ids.js';

const HOUR = 3_600_000;
const TTL_MS = 72 * HOUR;
const NOW = 1_795_000_000_000;

function idsOf(max = 1_000_000) {
  const seen = { now: NOW, evicted: 0 };
  const ids = new PublishedIds(
    TTL_MS,
    max,
    () => seen.now,
    (count) => (seen.evicted += count),
  );
  return { ids, seen };
}

const has = (ids: PublishedIds, key: string) => ids.has(fingerprintOf(key));

describe('PublishedIds', () => {
  it('forgets ids by the time of their publication, not by the order of the calls', () => {
    const { ids, seen } = idsOf();
    const ages = [40, 4, 71, 20, 0, 60, 33].map((hours) => hours * HOUR);
    for (const age of ages) ids.add(fingerprintOf(`age-${age}`), NOW - age);
    expect(ids.size).toBe(ages.length);
    for (const age of ages.toSorted((a, b) => b - a)) {
      seen.now = NOW + TTL_MS - age;
      expect([age, has(ids, `age-${age}`)]).toEqual([age, true]);
      seen.now += TTL_MS / 24 + 1;
      expect([age, has(ids, `age-${age}`)]).toEqual([age, false]);
    }
    expect(ids.size).toBe(0);
    expect(seen.evicted).toBe(0);
  });

  it('takes a time in the future as now, so a wrong clock cannot keep an id too long', () => {
    const { ids, seen } = idsOf();
    ids.add(fingerprintOf('future'), NOW + 1000 * HOUR);
    seen.now = NOW + TTL_MS + TTL_MS / 24 + 1;
    expect(has(ids, 'future')).toBe(false);
  });

  it('keeps its maximum also for ids of one hour, and forgets the eighth that was added first', () => {
    const { ids, seen } = idsOf(8000);
    for (let i = 0; i < 8001; i++) ids.add(fingerprintOf(`${i}`), NOW);
    expect(ids.size).toBe(7001);
    expect(seen.evicted).toBe(1000);
    expect([has(ids, '999'), has(ids, '1000')]).toEqual([false, true]);
  });

  it('counts an id once that is added again, and forgets none because of it', () => {
    const { ids, seen } = idsOf(8000);
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 7900; i++) ids.add(fingerprintOf(`${i}`), NOW - (i % 3) * HOUR);
    }
    expect([ids.size, seen.evicted]).toEqual([7900, 0]);
  });

  it('forgets the oldest ids at its maximum, also when they were added last', () => {
    const { ids } = idsOf(800);
    for (let i = 0; i < 700; i++) ids.add(fingerprintOf(`new-${i}`), NOW);
    for (let i = 0; i < 100; i++) ids.add(fingerprintOf(`old-${i}`), NOW - 50 * HOUR);
    ids.add(fingerprintOf('one more'), NOW);
    expect([has(ids, 'new-0'), has(ids, 'one more')]).toEqual([true, true]);
    expect(has(ids, 'old-0')).toBe(false);
  });

  it('needs at most 32 bytes an id when a slice has a few hundred', () => {
    const { ids } = idsOf();
    let most = 0;
    for (let i = 0; i < 40_000; i++) {
      ids.add(fingerprintOf(`msg_${i}`), NOW - (i % 24) * HOUR);
      if (i > 8000 && i % 100 === 0) most = Math.max(most, ids.bytes / ids.size);
    }
    expect(most).toBeGreaterThan(19);
    expect(most).toBeLessThan(32);
  });
});
