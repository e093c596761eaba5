import { describe, expect, it } from '@jest/globals';
import { BrokerQueue } from '../../../../src/publishing/producer/broker-queue.js';
import { ClaimExpired } from '../../../../src/publishing/producer/claim-check.js';
import { PartitionBatch } from '../../../../src/publishing/producer/partition-batch.js';
import { partitionOf, permitUntil, PRODUCER, queued } from './records.js';

const PARTITION = partitionOf(new BrokerQueue(1), 0);

/** A record whose claim holds for so long. */
const heldFor = (ms: number) =>
  queued(PARTITION, { permit: permitUntil(0, performance.now() + ms) });

describe('PartitionBatch', () => {
  it('may be sent while the claims on all records hold for more than 5 s', () => {
    const batch = new PartitionBatch(PARTITION, [heldFor(60_000)], PRODUCER);
    expect(() => batch.assertMaySend()).not.toThrow();
  });

  it('may not be sent when the claim on one record ends earlier', () => {
    const records = [heldFor(60_000), heldFor(4900)];
    const batch = new PartitionBatch(PARTITION, records, PRODUCER);
    expect(() => batch.assertMaySend()).toThrow(ClaimExpired);
  });

  it('splits into single records that remember whether the batch may have been sent', () => {
    const records = [queued(PARTITION), queued(PARTITION)];
    const batch = new PartitionBatch(PARTITION, records, PRODUCER);
    expect(batch.split().map(({ maybeSent }) => maybeSent)).toEqual([false, false]);
    batch.markSent();
    const singles = batch.split();
    expect(singles.map((single) => single.records)).toEqual([[records[0]], [records[1]]]);
    expect(singles.map(({ maybeSent }) => maybeSent)).toEqual([true, true]);
  });
});
