import { DedupeStore, type Claim } from '../dedupe-store.js';
import { fingerprintOf, type Fingerprint } from './fingerprint-set.js';
import { PublishedIds } from './published-ids.js';

/** Keeps claims and published ids in the memory of one process, for one replica. */
export class MemoryDedupeStore extends DedupeStore {
  override readonly leaseMs = Infinity;
  private readonly claimed = new Map<string, Fingerprint>();
  private readonly published: PublishedIds;

  /**
   * @param ttlMs how long a published id is remembered.
   * @param max number of published ids. @see PublishedIds
   * @param now milliseconds on a monotonic clock.
   */
  constructor(
    ttlMs: number,
    max: number,
    onEvict?: (ids: number) => void,
    now: () => number = () => performance.now(),
  ) {
    super();
    this.published = new PublishedIds(ttlMs, max, now, onEvict);
  }

  get size(): number {
    return this.published.size;
  }

  /** True for a key that was confirmed and is not forgotten yet. */
  has(key: string): boolean {
    return this.published.has(fingerprintOf(key));
  }

  override claim(key: string): Claim {
    if (this.claimed.has(key)) return 'pending';
    const fingerprint = fingerprintOf(key);
    if (this.published.has(fingerprint)) return 'done';
    this.claimed.set(key, fingerprint);
    return 'taken';
  }

  override confirm(key: string): void {
    this.published.add(this.claimed.get(key) ?? fingerprintOf(key));
    this.claimed.delete(key);
  }

  override release(key: string): void {
    this.claimed.delete(key);
  }

  /** Without a topic history the outcome stays unknown, so a repeat may publish the event twice. */
  override abandon(key: string): void {
    this.release(key);
  }

  override renew(keys: readonly string[]): boolean[] {
    return keys.map(() => true);
  }

  override get unready(): undefined {
    return undefined;
  }
}
