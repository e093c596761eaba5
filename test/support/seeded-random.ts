import { randomInt } from 'node:crypto';
import { mulberry32 } from '../../packages/gemini-emulator/src/random.js';

/** Random values for a property test. The same seed gives the same values. */
export class SeededRandom {
  private readonly next: () => number;

  constructor(readonly seed: number) {
    this.next = mulberry32(seed);
  }

  /** An integer from `min` up to, not including, `max`. */
  int(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min));
  }

  /** True in one of `n` cases. */
  oneIn(n: number): boolean {
    return this.int(0, n) === 0;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.int(0, list.length)] as T;
  }

  bytes(length: number): Buffer {
    const words = Uint32Array.from({ length: Math.ceil(length / 4) }, () =>
      Math.floor(this.next() * 2 ** 32),
    );
    return Buffer.from(words.buffer, 0, length);
  }
}

/**
 * The seed of property tests: `TEST_SEED`, or a new one in each run. A property test has the seed in its title, so that
 * `TEST_SEED=<seed>` repeats a failure.
 */
export const SEED = Number(process.env['TEST_SEED'] ?? randomInt(2 ** 31));
