import type { PartitionId } from '../infrastructure/kafka/partition-id.js';

/**
 * A partition is written only while its content is known, except for the records of the last
 * MAX_LAG_MS, in ms.
 */
export const MAX_LAG_MS = 3000;

/**
 * What the bridge knows of the records in its topics.
 * Abstract class: a type and an injection token in one.
 */
export abstract class TopicHistory {
  /**
   * True when all records that the partition may have had at `askedAt` were known then, and
   * the partition has been followed since. An id that was unknown then is not in the partition.
   *
   * @param askedAt on the clock of `performance.now()`, in ms.
   */
  abstract isCurrentSince(topic: string, partition: number, askedAt: number): boolean;

  /** This process appended these records, so they need not be read. */
  abstract recordAppended(
    topic: string,
    partition: number,
    baseOffset: number,
    records: number,
  ): void;

  /** Resolves when all records of now are known, or after `limitMs`. */
  abstract whenCurrent(limitMs: number): Promise<void>;

  /**
   * Resolves once all records are known that were on their way to the partition when this was
   * called. It stays pending while the partition's leader does not answer.
   */
  abstract whenDrained(at: PartitionId): Promise<void>;

  /** Undefined while the content of partitions is known, else why not. */
  abstract get unready(): string | undefined;
}

/** For a dedupe store that does not use the topics: every partition may be written. */
export class NoTopicHistory extends TopicHistory {
  override isCurrentSince(): boolean {
    return true;
  }

  override recordAppended(): void {}

  override whenCurrent(): Promise<void> {
    return Promise.resolve();
  }

  override whenDrained(): Promise<void> {
    return Promise.resolve();
  }

  override get unready(): undefined {
    return undefined;
  }
}
