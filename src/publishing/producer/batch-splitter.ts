import type { PublishFault } from '../event-publisher.js';
import type { QueuedRecord } from './broker-queue.js';
import type { PartitionBatch } from './partition-batch.js';

/** The part of the batcher that the splitter uses. */
export interface SingleSender {
  isClosed(): boolean;
  /** Sends a batch by itself. @returns true once it is known to be written. */
  sendAlone(batch: PartitionBatch): Promise<boolean>;
  /** Rejects records whose batch may have been written by the first, too large attempt. */
  rejectMaybeWritten(records: readonly QueuedRecord[], fault: PublishFault): void;
}

/**
 * Sends the records of a batch that is too large for one request one by one.
 *
 * It stops at the first record that is refused or whose outcome stays open, and rejects the
 * records after it: they would get that record's sequence numbers, and the broker would take
 * them for its repeat.
 */
export async function sendSingly(
  batch: PartitionBatch,
  sender: SingleSender,
): Promise<void> {
  for (const [i, single] of batch.split().entries()) {
    if (sender.isClosed()) {
      return sender.rejectMaybeWritten(batch.records.slice(i), 'closed');
    }
    if (!(await sender.sendAlone(single))) {
      return sender.rejectMaybeWritten(batch.records.slice(i + 1), 'unavailable');
    }
  }
}
