import type { PartitionId } from '../infrastructure/kafka/partition-id.js';

/**
 * - `taken`: the caller holds the claim and may publish.
 * - `pending`: another publication of the key is under way, or its outcome is unknown.
 * - `done`: the key was published before.
 */
export type Claim = 'taken' | 'pending' | 'done';

/** The calls of the store; also the values of a metric's label. */
export const DEDUPE_CALLS = ['claim', 'confirm', 'release', 'abandon', 'renew'] as const;

export type DedupeCall = (typeof DEDUPE_CALLS)[number];

/**
 * Remembers by dedupe key which deliveries are being published (a lease of seconds) and which
 * were published (for longer than Gemini retries). A claim ends in `confirm`, `release` or
 * `abandon`. The claim of a process that died expires.
 *
 * A store that can answer at once returns no promise.
 */
export abstract class DedupeStore {
  /** How long a claim holds without a renewal, in ms; Infinity when it ends with the process. */
  abstract readonly leaseMs: number;

  abstract claim(key: string): Claim | Promise<Claim>;

  /** The event is on Kafka. Later claims of the key answer `done`. */
  abstract confirm(key: string): void | Promise<void>;

  /** The event is certainly not on Kafka. The next claim of the key answers `taken`. */
  abstract release(key: string): void | Promise<void>;

  /** The outcome is unknown: the record may be in that partition, or be appended later. */
  abstract abandon(key: string, at: PartitionId): void | Promise<void>;

  /**
   * Extends the claims on keys whose publication is still under way. `Publications` calls it
   * every second, also without keys, because the store may have abandoned keys to renew.
   *
   * @returns for each key whether its claim still holds.
   */
  abstract renew(
    keys: readonly string[],
  ): readonly boolean[] | Promise<readonly boolean[]>;

  /** Undefined while the store answers, else why it does not. */
  abstract get unready(): string | undefined;
}
