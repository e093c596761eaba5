/** The leases of the keys that are being published, for the store that keeps no ids itself. */
export abstract class Leases {
  /** How long a lease holds without a renewal, in ms; Infinity when it ends with the process. */
  abstract readonly leaseMs: number;

  /** False when another publication holds the lease. */
  abstract acquire(key: string): boolean | Promise<boolean>;

  /** The key was certainly not published: the lease is free at once. */
  abstract releaseLease(key: string): void | Promise<void>;

  /** The key was published: the lease is free once all replicas can have read the record. */
  abstract finish(key: string): void;

  /** Extends leases. @returns for each key whether its lease still holds. */
  abstract renew(
    keys: readonly string[],
  ): readonly boolean[] | Promise<readonly boolean[]>;

  /** Undefined while leases can be acquired, else why they cannot. */
  abstract get unready(): string | undefined;
}

/** Leases in the memory of one process, for an installation with one replica. */
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
