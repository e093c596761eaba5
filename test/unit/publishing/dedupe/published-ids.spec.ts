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
  it('forgets by the time of publication, in whatever order they were told', () => {
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

  it('takes a time to come for now: a wrong clock cannot make it remember for ever', () => {
    const { ids, seen } = idsOf();
    ids.add(fingerprintOf('future'), NOW + 1000 * HOUR);
    seen.now = NOW + TTL_MS + TTL_MS / 24 + 1;
    expect(has(ids, 'future')).toBe(false);
  });

  it('keeps its bound also when all come from one hour: the eighth that was told first goes', () => {
    const { ids, seen } = idsOf(8000);
    for (let i = 0; i < 8001; i++) ids.add(fingerprintOf(`${i}`), NOW);
    expect(ids.size).toBe(7001);
    expect(seen.evicted).toBe(1000);
    expect([has(ids, '999'), has(ids, '1000')]).toEqual([false, true]);
  });

  it('counts what is read a second time once, and forgets nothing for it', () => {
    const { ids, seen } = idsOf(8000);
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 7900; i++) ids.add(fingerprintOf(`${i}`), NOW - (i % 3) * HOUR);
    }
    expect([ids.size, seen.evicted]).toEqual([7900, 0]);
  });

  it('forgets the oldest first at its bound, however late it was told of', () => {
    const { ids } = idsOf(800);
    for (let i = 0; i < 700; i++) ids.add(fingerprintOf(`new-${i}`), NOW);
    for (let i = 0; i < 100; i++) ids.add(fingerprintOf(`old-${i}`), NOW - 50 * HOUR);
    ids.add(fingerprintOf('one more'), NOW);
    expect([has(ids, 'new-0'), has(ids, 'one more')]).toEqual([true, true]);
    expect(has(ids, 'old-0')).toBe(false);
  });

  it('needs 32 bytes an id at most, from a few thousand on', () => {
    const { ids } = idsOf();
    for (let i = 0; i < 200_000; i++) {
      ids.add(fingerprintOf(`msg_${i}`), NOW - (i % 72) * HOUR);
      if (i > 20_000 && i % 1000 === 0) expect(ids.bytes / ids.size).toBeLessThan(32);
    }
  });
});
