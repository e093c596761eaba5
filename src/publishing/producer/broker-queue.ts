import type { Producer } from 'kafkajs';
import type { EventRecord, PublishPermit, RecordPosition } from '../event-publisher.js';
import { assertClaimHeld } from './claim-check.js';
import type { ProduceFence } from '../../infrastructure/kafka/kafkajs/produce-fence.js';

/** A record that waits for its acknowledgement. */
export interface QueuedRecord {
  readonly record: EventRecord;
  readonly key: Buffer;
  readonly partition: Partition;
  readonly permit: PublishPermit;
  readonly bytes: number;
  /** When it was queued, on the clock of `performance.now()`, in ms. */
  readonly since: number;
  readonly resolve: (position: RecordPosition) => void;
  readonly reject: (error: Error) => void;
}

/** One partition of one of our topics. */
export interface Partition {
  readonly topic: string;
  readonly id: number;
  lane: BrokerQueue;
  /**
   * True from a batch's first attempt until its outcome is known. The records behind it
   * wait: the idempotent producer tells a repeat of a batch from a new one by sequence
   * numbers that it takes back after a failure, so another batch in between would be taken
   * for the repeat, and be lost.
   */
  busy: boolean;
  /** True once the topic has no such partition any more. */
  gone: boolean;
}

/** The records of one partition in one batch. A repeat sends exactly the same records. */
export class PartitionBatch implements ProduceFence {
  /** True once a request with this batch may have reached a broker. */
  maybeSent = false;
  /** Offset of the first record, once a broker has said it. */
  baseOffset: number | undefined;

  /** @param producer holds the sequence numbers of the first attempt, so repeats use it too. */
  constructor(
    readonly partition: Partition,
    readonly records: readonly QueuedRecord[],
    readonly producer: Producer,
  ) {}

  /** @throws {ClaimExpired} when the claim on any of the records ends too soon. */
  assertMaySend(): void {
    for (const { permit } of this.records) assertClaimHeld(permit);
  }

  markSent(): void {
    this.maybeSent = true;
  }

  /** A batch of its own for each record, in the same order. */
  split(): PartitionBatch[] {
    return this.records.map((record) => {
      const single = new PartitionBatch(this.partition, [record], this.producer);
      single.maybeSent = this.maybeSent;
      return single;
    });
  }
}

const MAX_BATCH_RECORDS = 500;
/** Below Kafka's default `max.message.bytes` (1 MiB), which bounds a partition's batch. */
const MAX_BATCH_BYTES = 768 * 1024;

/**
 * What waits for the broker that leads its partitions. One batch is on its way at a time;
 * what arrives meanwhile makes up the next, so concurrent deliveries share a request and
 * nothing waits while the lane is idle.
 */
export class BrokerQueue {
  queue: QueuedRecord[] = [];
  /** Units whose attempt failed for the broker's sake; they go before the queue. */
  repeats: PartitionBatch[] = [];
  inFlight = false;
  /** No attempt before this time, in ms of `performance.now()`: backoff after a failure. */
  notBefore = 0;
  /** A flush is due at the end of this turn of the event loop. */
  scheduled = false;

  constructor(
    /** Node id of the broker. */
    readonly leader: number,
  ) {}

  get idle(): boolean {
    return this.queue.length === 0 && this.repeats.length === 0;
  }

  /** Takes the next batch off the lane and marks its partitions busy. */
  takeBatch(producer: Producer): PartitionBatch[] {
    const first = this.repeats[0];
    if (first) return this.takeRepeats(first.producer);
    const groups = new Map<Partition, QueuedRecord[]>();
    const left: QueuedRecord[] = [];
    let bytes = 0;
    let count = 0;
    let full = false; // and then nothing may overtake what did not fit
    for (const pending of this.queue) {
      full ||= count === MAX_BATCH_RECORDS || bytes + pending.bytes > MAX_BATCH_BYTES;
      if (full || pending.partition.busy) {
        left.push(pending);
        continue;
      }
      bytes += pending.bytes;
      count++;
      const group = groups.get(pending.partition);
      if (group) group.push(pending);
      else groups.set(pending.partition, [pending]);
    }
    this.queue = left;
    return Array.from(groups, ([partition, records]) => {
      partition.busy = true;
      return new PartitionBatch(partition, records, producer);
    });
  }

  /** Takes all that waits for one partition. */
  takeOf(partition: Partition): [queue: QueuedRecord[], repeats: PartitionBatch[]] {
    const isIts = (item: QueuedRecord | PartitionBatch): boolean =>
      item.partition === partition;
    const taken: [QueuedRecord[], PartitionBatch[]] = [
      this.queue.filter(isIts),
      this.repeats.filter(isIts),
    ];
    this.queue = this.queue.filter((item) => !isIts(item));
    this.repeats = this.repeats.filter((item) => !isIts(item));
    return taken;
  }

  /** Withdraws what nobody waits for any more; a queue holds no attempted record. */
  takeExpired(now: number): QueuedRecord[] {
    const expired = this.queue.filter(({ permit }) => permit.deadline <= now);
    if (expired.length > 0) {
      this.queue = this.queue.filter(({ permit }) => permit.deadline > now);
    }
    return expired;
  }

  private takeRepeats(producer: Producer): PartitionBatch[] {
    const batch = this.repeats.filter((unit) => unit.producer === producer);
    this.repeats = this.repeats.filter((unit) => unit.producer !== producer);
    return batch;
  }
}
