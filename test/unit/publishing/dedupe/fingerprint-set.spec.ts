import { describe, expect, it } from '@jest/globals';
import {
  fingerprintOf,
  FingerprintSet,
} from '../../../../src/publishing/dedupe/fingerprint-set.js';

describe('FingerprintSet', () => {
  it('knows what was added, however much that is, and nothing else', () => {
    const set = new FingerprintSet();
    for (let i = 0; i < 20_000; i++) {
      expect(set.has(fingerprintOf(`in-${i}`))).toBe(false);
      set.add(fingerprintOf(`in-${i}`));
      set.add(fingerprintOf(`in-${i}`));
    }
    expect(set.size).toBe(20_000);
    for (let i = 0; i < 20_000; i++) {
      expect(set.has(fingerprintOf(`in-${i}`))).toBe(true);
      expect(set.has(fingerprintOf(`out-${i}`))).toBe(false);
    }
  });

  it('tells apart what shares all but one word, and finds what wraps around', () => {
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
