import { DedupeStore, type Claim } from './dedupe-store.js';
import { fingerprintOf, FingerprintSet, type Fingerprint } from './fingerprint-set.js';

/** What was published in one stretch of time; forgotten as a whole. */
interface Slice {
  readonly ids: FingerprintSet;
  /** When it was begun, in ms of the store's clock. */
  readonly since: number;
}

/** A slice is closed after this part of the time to live, or with this part of the bound. */
const SLICES_A_LIFE = 24;
const SLICES_A_BOUND = 8;

/**
 * Remembers in the process: for one replica, and gone with it.
 *
 * Published ids are kept by fingerprint in slices of time. A slice is forgotten when its
 * last id has lived its time, or early, the oldest first, when there are too many ids.
 */
export class MemoryDedupeStore extends DedupeStore {
  private readonly claimed = new Map<string, Fingerprint>();
  /** Oldest first. */
  private slices: Slice[] = [];

  /**
   * @param max ids kept. Above it the oldest slice, an eighth of them or less, is forgotten
   *   early, and `onEvict` is told how many those were.
   * @param now milliseconds on a clock that does not go back.
   */
  constructor(
    private readonly ttlMs: number,
    private readonly max: number,
    private readonly onEvict: (ids: number) => void = () => undefined,
    private readonly now: () => number = () => performance.now(),
  ) {
    super();
  }

  get size(): number {
    return this.slices.reduce((sum, { ids }) => sum + ids.size, 0);
  }

  /** True for what was confirmed and is not yet forgotten. */
  has(key: string): boolean {
    return this.remembers(fingerprintOf(key));
  }

  override claim(key: string): Claim {
    if (this.claimed.has(key)) return 'pending';
    const fingerprint = fingerprintOf(key);
    if (this.remembers(fingerprint)) return 'done';
    this.claimed.set(key, fingerprint);
    return 'taken';
  }

  override confirm(key: string): void {
    this.current().add(this.claimed.get(key) ?? fingerprintOf(key));
    this.claimed.delete(key);
  }

  override release(key: string): void {
    this.claimed.delete(key);
  }

  /** A claim lives as long as the process: there is no lease to renew. */
  override renew(): void {}

  override get unready(): undefined {
    return undefined;
  }

  private remembers(fingerprint: Fingerprint): boolean {
    this.forget();
    return this.slices.some(({ ids }) => ids.has(fingerprint));
  }

  /** The slice for what is published now. */
  private current(): FingerprintSet {
    const last = this.slices.at(-1);
    const isOpen =
      last !== undefined &&
      this.now() - last.since < this.ttlMs / SLICES_A_LIFE &&
      last.ids.size < this.max / SLICES_A_BOUND;
    if (isOpen) return last.ids;
    this.forget();
    const ids = new FingerprintSet();
    this.slices.push({ ids, since: this.now() });
    this.makeRoom();
    return ids;
  }

  /** A slice takes ids for a part of their life, so the last of them dies that much later. */
  private forget(): void {
    const oldest = this.now() - this.ttlMs * (1 + 1 / SLICES_A_LIFE);
    while ((this.slices[0]?.since ?? Infinity) <= oldest) this.slices.shift();
  }

  /** So that the slice that was just begun can be filled within the bound. */
  private makeRoom(): void {
    while (this.slices.length > 1 && this.size + this.max / SLICES_A_BOUND > this.max) {
      this.onEvict(this.slices.shift()?.ids.size ?? 0);
    }
  }
}
