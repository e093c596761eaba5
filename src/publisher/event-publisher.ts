/** One record, ready for the log. */
export interface EventRecord {
  readonly topic: string;
  /** Records with the same key keep their order. */
  readonly key: string;
  /** The delivery's body, byte for byte. */
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** Where verified events go. Abstract class: a type and an injection token in one. */
export abstract class EventPublisher {
  /**
   * Resolves once every in-sync replica has the record. Rejects once it is certain that
   * this process will not write it any more. Until one of the two the outcome is unknown,
   * which may take as long as the broker is away: a produce request that nobody answered
   * can still be appended.
   *
   * @param deadline on the clock of `performance.now()`, in ms. A record that has not been
   *   handed to the broker by then is withdrawn (`not-sent`).
   * @throws {PublishError}
   */
  abstract publish(record: EventRecord, deadline: number): Promise<void>;

  /** Undefined when events can be published, else why they cannot. */
  abstract get unready(): string | undefined;
}

/** Why a record was not published. Doubles as a metric label: keep the set small. */
export type PublishFault =
  | 'unavailable' // no connection, or no leader
  | 'queue-full'
  | 'not-sent' // withdrawn before it was handed to the broker
  | 'refused' // by the broker, for good: too large, not authorised
  | 'producer-fatal' // the producer was replaced; what became of the record is unknown
  | 'closed';

/** The record is not, or not known to be, on Kafka: the sender should try again. */
export class PublishError extends Error {
  override readonly name = 'PublishError';

  constructor(
    readonly fault: PublishFault,
    options?: ErrorOptions,
  ) {
    super(`not published: ${fault}`, options);
  }
}
