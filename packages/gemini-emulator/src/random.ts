import { createHash } from 'node:crypto';

/** @returns a number from 0 (included) to 1 (excluded) */
export type Random = () => number;

/**
 * A generator of the same numbers for the same seed and purpose. Each purpose has its own, so that more calls of one route
 * do not change which calls of another route fail.
 */
export function seededRandom(seed: number, purpose: string): Random {
  const digest = createHash('sha256').update(`${seed} ${purpose}`).digest();
  return mulberry32(digest.readUInt32LE());
}

/** The Mulberry32 generator. The seed has 32 bits; not for cryptography. */
export function mulberry32(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
