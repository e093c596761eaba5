import type { PartitionId } from '../infrastructure/kafka/partition-id.js';

/** One record, ready for the log. */
export interface EventRecord {
  readonly topic: string;
  /** Records with the same key keep their order. */
  readonly key: string;
  /** The delivery's body, byte for byte. */
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** Where a record is in its topic. */
export interface RecordPosition {
  readonly partition: number;
  /** Undefined when the broker acknowledged the record without saying where it is. */
  readonly offset: number | undefined;
}

/** When, and on what knowledge, a record may be written. On the clock of `performance.now()`, in ms. */
export interface PublishPermit {
  /** A record that has not been handed to the broker by then is withdrawn (`not-sent`). */
  readonly deadline: number;
  /** When the memory of what was published was asked: it must have been up to date then. */
  readonly askedAt: number;
  /** When the claim ends unless it is renewed: from then on another replica may write it. */
  readonly heldUntil: number;
}

/** Where verified events go. Abstract class: a type and an injection token in one. */
export abstract class EventPublisher {
  /**
   * Resolves once every in-sync replica has the record. Rejects once this process will not
   * write it any more. Until one of the two the outcome is unknown, which may take as long as
   * the broker is away: a produce request that nobody answered can still be appended.
   *
   * @throws {PublishError}
   */
  abstract publish(record: EventRecord, permit: PublishPermit): Promise<RecordPosition>;

  /** Undefined when events can be published, else why they cannot. */
  abstract get unready(): string | undefined;
}

/** Why a record was not published. Doubles as a metric label: keep the set small. */
export const PUBLISH_FAULTS = [
  'unavailable', // no connection, or no leader
  'queue-full',
  'log-behind', // what stands in the partition is not known well enough
  'not-sent', // withdrawn before it was handed to the broker
  'refused', // by the broker, for good: too large, not authorised
  'producer-fatal', // the producer was replaced
  'claim-lapsed', // the claim could not be renewed: another replica may be at it
  'closed',
] as const;

export type PublishFault = (typeof PUBLISH_FAULTS)[number];

/** The record is not, or not known to be, on Kafka: the sender should try again. */
export class PublishError extends Error {
  override readonly name = 'PublishError';

  /**
   * @param attemptedAt where an attempt was made whose outcome is unknown: the record may be
   *   there, or come yet. Undefined: it certainly is not, and will not.
   */
  constructor(
    readonly fault: PublishFault,
    readonly attemptedAt?: PartitionId,
    options?: ErrorOptions,
  ) {
    super(`not published: ${fault}`, options);
  }
}
