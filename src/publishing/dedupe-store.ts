import type { PartitionId } from '../infrastructure/kafka/partition-id.js';

/**
 * `taken`: ours to publish. `pending`: somebody else is at it. `done`: published before.
 */
export type Claim = 'taken' | 'pending' | 'done';

/** What the store is asked or told; doubles as a metric label. */
export const DEDUPE_CALLS = ['claim', 'confirm', 'release', 'abandon', 'renew'] as const;

export type DedupeCall = (typeof DEDUPE_CALLS)[number];

/**
 * Two memories of deliveries, by key: who is publishing one now (a lease of seconds), and
 * which were published (kept longer than Gemini retries). A claim ends in `confirm`,
 * `release` or `abandon`; one that ends in none, because the process died, runs out by itself.
 *
 * Answers come without a promise where the store can give them at once.
 */
export abstract class DedupeStore {
  /** How long a claim holds that nobody renews, in ms; Infinity where it ends with the process. */
  abstract readonly leaseMs: number;

  abstract claim(key: string): Claim | Promise<Claim>;

  /** The event is on Kafka: answer every repeat from now on. */
  abstract confirm(key: string): void | Promise<void>;

  /** Certainly not published: let the sender's next attempt in. */
  abstract release(key: string): void | Promise<void>;

  /** Given up without knowing the outcome: the record may be in that partition, or come there yet. */
  abstract abandon(key: string, at: PartitionId): void | Promise<void>;

  /**
   * The outcome is still open: keep the leases of these from running out. To be called
   * regularly, also when there are none.
   *
   * @returns for each whether it is held.
   */
  abstract renew(
    keys: readonly string[],
  ): readonly boolean[] | Promise<readonly boolean[]>;

  /** Undefined while the store answers, else why it does not. */
  abstract get unready(): string | undefined;
}
