import { DedupeStore, type Claim } from './dedupe-store.js';

/**
 * Remembers in the process: for one replica, and gone with it.
 *
 * Published ids are kept in the order in which they were confirmed, so the oldest are found
 * at the front, for the time to live and for the bound alike.
 */
export class MemoryDedupeStore extends DedupeStore {
  private readonly claimed = new Set<string>();
  /** Key to the time at which it is forgotten, in seconds of the store's clock. */
  private readonly done = new Map<string, number>();

  /**
   * @param max ids kept; above it the oldest is forgotten early and `onEvict` is told.
   * @param now milliseconds on a clock that does not go back.
   */
  constructor(
    private readonly ttlMs: number,
    private readonly max: number,
    private readonly onEvict: () => void = () => undefined,
    private readonly now: () => number = () => performance.now(),
  ) {
    super();
  }

  get size(): number {
    return this.done.size;
  }

  /** True for what was confirmed and is not yet forgotten. */
  has(key: string): boolean {
    const forgottenAt = this.done.get(key);
    return forgottenAt !== undefined && forgottenAt > this.seconds();
  }

  override claim(key: string): Claim {
    if (this.has(key)) return 'done';
    if (this.claimed.has(key)) return 'pending';
    this.claimed.add(key);
    return 'taken';
  }

  override confirm(key: string): void {
    this.claimed.delete(key);
    this.done.delete(key);
    this.done.set(key, this.seconds() + Math.ceil(this.ttlMs / 1000));
    this.forget();
  }

  override release(key: string): void {
    this.claimed.delete(key);
  }

  /** A claim lives as long as the process: there is no lease to renew. */
  override renew(): void {}

  override get unready(): undefined {
    return undefined;
  }

  /** A few at a time, so that no delivery pays for the sweep of many. */
  private forget(): void {
    const now = this.seconds();
    let looked = 0;
    for (const [key, forgottenAt] of this.done) {
      const tooMany = this.done.size > this.max;
      if (!tooMany && (forgottenAt > now || ++looked > 4)) return;
      this.done.delete(key);
      if (forgottenAt > now) this.onEvict();
    }
  }

  private seconds(): number {
    return Math.floor(this.now() / 1000);
  }
}
