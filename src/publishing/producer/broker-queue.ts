import type { Producer } from 'kafkajs';
import type { EventRecord, PublishPermit, RecordPosition } from '../event-publisher.js';
import { PartitionBatch } from './partition-batch.js';

/** A record that waits for its acknowledgement. */
export interface QueuedRecord {
  readonly record: EventRecord;
  readonly key: Buffer;
  readonly partition: Partition;
  readonly permit: PublishPermit;
  /** Estimated size on the wire. */
  readonly bytes: number;
  /** On the clock of `performance.now()`, in ms. */
  readonly queuedAt: number;
  readonly resolve: (position: RecordPosition) => void;
  readonly reject: (error: Error) => void;
}

/** One partition of one of the bridge's topics. */
export interface Partition {
  readonly topic: string;
  readonly id: number;
  /** The queue of the broker that leads the partition. */
  queue: BrokerQueue;
  /**
   * True from a batch's first attempt until its outcome is known. Later records wait. The
   * idempotent producer marks a repeat by its sequence numbers and reuses them after a
   * failure. The broker would take another batch in between for the repeat and drop it.
   */
  busy: boolean;
  /** True once the topic has no such partition any more. */
  gone: boolean;
}

const MAX_BATCH_RECORDS = 500;
/** Below Kafka's default `max.message.bytes` (1 MiB), which bounds the batch of a partition. */
const MAX_BATCH_BYTES = 768 * 1024;

/**
 * The records and batches that wait for one broker. One request is in flight at a time and
 * records that arrive meanwhile form the next one, so concurrent deliveries share a request
 * and a record that arrives at an idle queue does not wait.
 */
export class BrokerQueue {
  /** Records of which no request was made yet. */
  waiting: QueuedRecord[] = [];
  /** Batches whose attempt failed because of a broker. They go before `waiting`. */
  repeats: PartitionBatch[] = [];
  inFlight = false;
  /** No attempt before this time, on the clock of `performance.now()`: the pause after a failure. */
  pausedUntil = 0;
  isFlushScheduled = false;

  /** @param leader node id of the broker; -1 collects records of partitions without a leader. */
  constructor(readonly leader: number) {}

  get isEmpty(): boolean {
    return this.waiting.length === 0 && this.repeats.length === 0;
  }

  /**
   * Removes the batches of the next request and marks their partitions busy.
   *
   * @param producer for new batches. Repeats keep their own producer, and a request has the
   *   batches of one producer.
   */
  nextBatches(producer: Producer): PartitionBatch[] {
    const first = this.repeats[0];
    return first ? this.nextRepeats(first.producer) : this.newBatches(producer);
  }

  /** Removes all records and batches of one partition. */
  removePartition(
    partition: Partition,
  ): [waiting: QueuedRecord[], repeats: PartitionBatch[]] {
    const isOfPartition = (item: QueuedRecord | PartitionBatch): boolean =>
      item.partition === partition;
    const removed: [QueuedRecord[], PartitionBatch[]] = [
      this.waiting.filter(isOfPartition),
      this.repeats.filter(isOfPartition),
    ];
    this.waiting = this.waiting.filter((item) => !isOfPartition(item));
    this.repeats = this.repeats.filter((item) => !isOfPartition(item));
    return removed;
  }

  /** Removes waiting records whose deadline is over. No request with them was made. */
  removeExpired(now: number): QueuedRecord[] {
    const expired = this.waiting.filter(({ permit }) => permit.deadline <= now);
    if (expired.length > 0) {
      this.waiting = this.waiting.filter(({ permit }) => permit.deadline > now);
    }
    return expired;
  }

  private nextRepeats(producer: Producer): PartitionBatch[] {
    const batches = this.repeats.filter((batch) => batch.producer === producer);
    this.repeats = this.repeats.filter((batch) => batch.producer !== producer);
    return batches;
  }

  private newBatches(producer: Producer): PartitionBatch[] {
    const groups = new Map<Partition, QueuedRecord[]>();
    const left: QueuedRecord[] = [];
    let bytes = 0;
    let count = 0;
    let isFull = false; // stays true, so that no record overtakes one that did not fit
    for (const record of this.waiting) {
      isFull ||= count === MAX_BATCH_RECORDS || bytes + record.bytes > MAX_BATCH_BYTES;
      if (isFull || record.partition.busy) {
        left.push(record);
        continue;
      }
      bytes += record.bytes;
      count++;
      const group = groups.get(record.partition);
      if (group) group.push(record);
      else groups.set(record.partition, [record]);
    }
    this.waiting = left;
    return Array.from(groups, ([partition, records]) => {
      partition.busy = true;
      return new PartitionBatch(partition, records, producer);
    });
  }
}
