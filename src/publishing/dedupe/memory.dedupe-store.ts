import { DedupeStore, type Claim } from '../dedupe-store.js';
import { fingerprintOf, type Fingerprint } from './fingerprint-set.js';
import { PublishedIds } from './published-ids.js';

/** Remembers in the process: for one replica, and gone with it. */
export class MemoryDedupeStore extends DedupeStore {
  /** A claim lives as long as the process. */
  override readonly leaseMs = Infinity;
  private readonly claimed = new Map<string, Fingerprint>();
  private readonly published: PublishedIds;

  /**
   * @param max ids kept. @see PublishedIds
   * @param now milliseconds on a clock that does not go back.
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

  /** True for what was confirmed and is not yet forgotten. */
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

  /** There is nothing to find out with: a repeat may double it. */
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
