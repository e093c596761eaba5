import { mulberry32 } from '../../../packages/gemini-emulator/src/random.js';

/**
 * Random numbers from a seed. Each part of the campaign forks a generator of its own, so that one more number in one
 * part does not change the choices of the others.
 */
export class Random {
  /** @returns a number from 0 (included) to 1 (excluded) */
  readonly next: () => number;

  constructor(readonly seed: number) {
    this.next = mulberry32(seed);
  }

  /** @returns a whole number from `min` to `max`, both included */
  int(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  /** @returns a number from `min` (included) to `max` (excluded) */
  between(min: number, max: number): number {
    return min + this.next() * (max - min);
  }

  /** @returns an entry of the list. @throws {RangeError} for an empty list */
  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new RangeError('pick needs a list that is not empty');
    return list[this.int(0, list.length - 1)] as T;
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** A generator that depends only on the seed and the name, not on earlier numbers. */
  fork(name: string): Random {
    return new Random(fnv1a(name, this.seed));
  }
}

function fnv1a(text: string, seed: number): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
