/** Who is publishing what now, where the log remembers what was published. */
export abstract class Leases {
  /** How long one holds that nobody renews, in ms; Infinity where it ends with the process. */
  abstract readonly leaseMs: number;

  /** False when it is another's. */
  abstract acquire(key: string): boolean | Promise<boolean>;

  /** Certainly not published: free at once. */
  abstract releaseLease(key: string): void | Promise<void>;

  /** Published: free as soon as whoever could take it has read so in the log. */
  abstract finish(key: string): void;

  /** For each whether it is held. */
  abstract renew(
    keys: readonly string[],
  ): readonly boolean[] | Promise<readonly boolean[]>;

  abstract get unready(): string | undefined;
}

/** For one replica. */
export class LocalLeases extends Leases {
  override readonly leaseMs = Infinity;
  private readonly held = new Set<string>();

  override acquire(key: string): boolean {
    if (this.held.has(key)) return false;
    this.held.add(key);
    return true;
  }

  override releaseLease(key: string): void {
    this.held.delete(key);
  }

  override finish(key: string): void {
    this.held.delete(key);
  }

  override renew(keys: readonly string[]): boolean[] {
    return keys.map(() => true);
  }

  override get unready(): undefined {
    return undefined;
  }
}
