import { describe, expect, it } from '@jest/globals';
import {
  fingerprintOf,
  FingerprintSet,
} from '../../../../src/publishing/dedupe/fingerprint-set.js';

const ENTRIES = 20_000;

describe('FingerprintSet', () => {
  it('has what was added and nothing else, while it grows', () => {
    const set = new FingerprintSet();
    let surprises = 0;
    for (let i = 0; i < ENTRIES; i++) {
      const fingerprint = fingerprintOf(`in-${i}`);
      if (set.has(fingerprint)) surprises++;
      set.add(fingerprint);
      set.add(fingerprint);
    }
    for (let i = 0; i < ENTRIES; i++) {
      if (!set.has(fingerprintOf(`in-${i}`))) surprises++;
      if (set.has(fingerprintOf(`out-${i}`))) surprises++;
    }
    expect([set.size, surprises]).toEqual([ENTRIES, 0]);
  });

  it('distinguishes fingerprints that differ in one word, and probes past the last slot', () => {
    const set = new FingerprintSet();
    const near = [
      [1, -1, 1, 1],
      [3, -1, 1, 1],
      [1, -1, 2, 1],
      [1, -1, 1, 2],
      [1, 1023, 1, 1],
      [5, -1, 1, 1],
    ] as const;
    for (const [i, fingerprint] of near.entries()) {
      expect(set.has(fingerprint)).toBe(false);
      set.add(fingerprint);
      expect(set.size).toBe(i + 1);
    }
    for (const fingerprint of near) expect(set.has(fingerprint)).toBe(true);
  });
});
