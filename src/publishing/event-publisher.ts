import type { PartitionId } from '../infrastructure/kafka/partition-id.js';

/** A record as it is written to its topic. */
export interface EventRecord {
  readonly topic: string;
  /** Records with the same key keep their order. */
  readonly key: string;
  /** The delivery's body, byte for byte. */
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** Position of a record in its topic. */
export interface RecordPosition {
  readonly partition: number;
  /** Undefined when the broker acknowledged the record without saying where it is. */
  readonly offset: number | undefined;
}

/** The conditions under which a record may be written. Times are on the clock of `performance.now()`, in ms. */
export interface PublishPermit {
  /** A record that was not sent to the broker by then is withdrawn (`not-sent`). */
  readonly deadline: number;
  /** When the dedupe store was asked. The topic history must have been current since then. */
  readonly askedAt: number;
  /** When the claim ends. From then on another replica may write the record. */
  readonly heldUntil: number;
}

/** Publishes verified events. Abstract class: a type and an injection token in one. */
export abstract class EventPublisher {
  /**
   * Resolves once every in-sync replica has the record. Rejects once this process will not
   * write it any more. Until then the outcome is unknown, for as long as the broker is away: it
   * may still append a produce request that it did not answer.
   *
   * @throws {PublishError}
   */
  abstract publish(record: EventRecord, permit: PublishPermit): Promise<RecordPosition>;

  /** Undefined when events can be published, else why they cannot. */
  abstract get unready(): string | undefined;
}

/** Why a record was not published; also the values of a metric's label, so the set stays small. */
export const PUBLISH_FAULTS = [
  'unavailable', // no connection, or no leader
  'queue-full',
  'log-behind', // the topic history does not know the partition
  'not-sent', // withdrawn at its deadline, before it was sent to the broker
  'refused', // by the broker, finally: too large, not authorised
  'producer-fatal', // the producer failed and was replaced
  'claim-lapsed', // the claim expired: another replica may be publishing the record
  'closed',
] as const;

export type PublishFault = (typeof PUBLISH_FAULTS)[number];

/** The record is not on Kafka, or not known to be. Gemini should deliver it again. */
export class PublishError extends Error {
  override readonly name = 'PublishError';

  /**
   * @param attemptedAt the partition of an attempt whose outcome is unknown: the record may be
   *   there or be appended later. Undefined when the record is certainly not written.
   */
  constructor(
    readonly fault: PublishFault,
    readonly attemptedAt?: PartitionId,
    options?: ErrorOptions,
  ) {
    super(`not published: ${fault}`, options);
  }
}
