import { createHash } from 'node:crypto';

/** The first 128 bits of a key's SHA-256: two keys that share it are not to be expected. */
export type Fingerprint = readonly [number, number, number, number];

export function fingerprintOf(key: string): Fingerprint {
  const digest = createHash('sha256').update(key).digest();
  return [
    digest.readUInt32LE(0) | 1, // never 0, which marks a free slot
    digest.readUInt32LE(4),
    digest.readUInt32LE(8),
    digest.readUInt32LE(12),
  ];
}

const WORDS = 4;
const FIRST_CAPACITY = 1024;
const MAX_LOAD = 0.75;

/**
 * A set of fingerprints outside the JavaScript heap: 21 to 43 bytes an entry, where a `Set`
 * of the keys takes 140 and has the garbage collector walk them.
 *
 * Open addressing with linear probing; nothing is ever taken out.
 */
export class FingerprintSet {
  private slots = new Int32Array(FIRST_CAPACITY * WORDS);
  private entries = 0;

  get size(): number {
    return this.entries;
  }

  has(fingerprint: Fingerprint): boolean {
    return this.slots[this.slotOf(fingerprint)] !== 0;
  }

  add(fingerprint: Fingerprint): void {
    if ((this.entries + 1) * WORDS > this.slots.length * MAX_LOAD) this.grow();
    const at = this.slotOf(fingerprint);
    if (this.slots[at] !== 0) return;
    this.slots.set(fingerprint, at);
    this.entries++;
  }

  /** Where it is, or the free slot where it would be. */
  private slotOf([a, b, c, d]: Fingerprint): number {
    const { slots } = this;
    const mask = slots.length - 1;
    for (let at = (b * WORDS) & mask; ; at = (at + WORDS) & mask) {
      if (slots[at] === 0) return at;
      if (slots[at] !== (a | 0) || slots[at + 1] !== (b | 0)) continue;
      if (slots[at + 2] === (c | 0) && slots[at + 3] === (d | 0)) return at;
    }
  }

  private grow(): void {
    const old = this.slots;
    this.slots = new Int32Array(old.length * 2);
    for (let at = 0; at < old.length; at += WORDS) {
      if (old[at] === 0) continue;
      const entry = old.subarray(at, at + WORDS);
      this.slots.set(entry, this.slotOf(entry as unknown as Fingerprint));
    }
  }
}
