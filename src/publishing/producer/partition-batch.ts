import type { Producer } from 'kafkajs';
import type { ProduceFence } from '../../infrastructure/kafka/kafkajs/produce-fence.js';
import type { Partition, QueuedRecord } from './broker-queue.js';
import { assertClaimHeld } from './claim-check.js';

/**
 * The records of one partition in one produce request. A repeat sends exactly the same records
 * through the same producer, whose sequence numbers tell the broker that it is a repeat.
 */
export class PartitionBatch implements ProduceFence {
  /** True once a request with this batch may have reached a broker. */
  maybeSent = false;
  /** Offset of the first record, once a broker has said it. */
  baseOffset: number | undefined;

  constructor(
    readonly partition: Partition,
    readonly records: readonly QueuedRecord[],
    readonly producer: Producer,
  ) {}

  /** @throws {ClaimExpired} when the claim on one of the records ends too soon. */
  assertMaySend(): void {
    for (const { permit } of this.records) assertClaimHeld(permit);
  }

  markSent(): void {
    this.maybeSent = true;
  }

  /** One batch for each record, in the same order. */
  split(): PartitionBatch[] {
    return this.records.map((record) => {
      const single = new PartitionBatch(this.partition, [record], this.producer);
      single.maybeSent = this.maybeSent;
      return single;
    });
  }
}
