import { hash } from 'node:crypto';

/** The first 128 bits of a key's SHA-256 (one of them is fixed), so collisions are not expected. */
export type Fingerprint = readonly [number, number, number, number];

export function fingerprintOf(key: string): Fingerprint {
  const digest = hash('sha256', key, 'buffer');
  return [
    digest.readInt32LE(0) | 1, // never 0: a 0 marks a free slot
    digest.readInt32LE(4),
    digest.readInt32LE(8),
    digest.readInt32LE(12),
  ];
}

const WORDS = 4;
const BYTES = WORDS * 4;
const FIRST_CAPACITY = 256;
const MAX_LOAD = 0.85;
/** Growth of the capacity. The load stays above 0.57, so an entry takes 28 bytes at most. */
const GROWTH = 1.5;
const TWO_TO_32 = 2 ** 32;

/**
 * A set of fingerprints outside the JavaScript heap. An entry takes 19 to 28 bytes; in a `Set`
 * of keys it would take 140, and the garbage collector would walk it.
 *
 * It uses open addressing with linear probing. Entries cannot be removed.
 */
export class FingerprintSet {
  private capacity = FIRST_CAPACITY;
  private slots = new Int32Array(FIRST_CAPACITY * WORDS);
  private entries = 0;

  get size(): number {
    return this.entries;
  }

  /** Memory of the set. */
  get bytes(): number {
    return this.capacity * BYTES;
  }

  has(fingerprint: Fingerprint): boolean {
    return this.slots[this.slotOf(fingerprint)] !== 0;
  }

  add(fingerprint: Fingerprint): void {
    if (this.entries + 1 > this.capacity * MAX_LOAD) this.grow();
    const at = this.slotOf(fingerprint);
    if (this.slots[at] !== 0) return;
    this.put(at, fingerprint);
    this.entries++;
  }

  private put(at: number, [a, b, c, d]: Fingerprint): void {
    this.slots[at] = a;
    this.slots[at + 1] = b;
    this.slots[at + 2] = c;
    this.slots[at + 3] = d;
  }

  /** Index of the fingerprint, or of the free slot where it belongs. */
  private slotOf([a, b, c, d]: Fingerprint): number {
    const { slots } = this;
    const first = Math.floor(((b >>> 0) / TWO_TO_32) * this.capacity);
    for (let at = first * WORDS; ; at += WORDS) {
      if (at === slots.length) at = 0;
      if (slots[at] === 0) return at;
      if (slots[at] !== a || slots[at + 1] !== b) continue;
      if (slots[at + 2] === c && slots[at + 3] === d) return at;
    }
  }

  private grow(): void {
    const old = this.slots;
    this.capacity = Math.ceil(this.capacity * GROWTH);
    this.slots = new Int32Array(this.capacity * WORDS);
    for (let at = 0; at < old.length; at += WORDS) {
      if (old[at] === 0) continue;
      const [a = 0, b = 0, c = 0, d = 0] = old.subarray(at, at + WORDS);
      const fingerprint: Fingerprint = [a, b, c, d];
      this.put(this.slotOf(fingerprint), fingerprint);
    }
  }
}
