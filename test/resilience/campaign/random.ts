import { mulberry32 } from '../../../packages/gemini-emulator/src/random.js';

/**
 * The campaign's dice. One seed makes the whole run's choices; each part of the campaign forks dice of its own, so that
 * a further throw in one part changes nothing in the others.
 */
export class Random {
  /** From 0 up to, not including, 1. */
  readonly next: () => number;

  constructor(readonly seed: number) {
    this.next = mulberry32(seed);
  }

  /** Both ends included. */
  int(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  /** From `min` up to, not including, `max`. */
  between(min: number, max: number): number {
    return min + this.next() * (max - min);
  }

  /** @throws {RangeError} for an empty list. */
  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new RangeError('nothing to pick from');
    return list[this.int(0, list.length - 1)] as T;
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** Dice that depend on the seed and the name alone, not on what was thrown before. */
  fork(name: string): Random {
    return new Random(fnv1a(name, this.seed));
  }
}

function fnv1a(text: string, seed: number): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
