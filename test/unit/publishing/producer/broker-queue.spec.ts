import { describe, expect, it } from '@jest/globals';
import type { Producer } from 'kafkajs';
import type { PublishPermit } from '../../../../src/publishing/event-publisher.js';
import {
  BrokerQueue,
  PartitionBatch,
  type Partition,
  type QueuedRecord,
} from '../../../../src/publishing/producer/broker-queue.js';
import { ClaimExpired } from '../../../../src/publishing/producer/claim-check.js';

const PRODUCER = {} as Producer;

const partitionOf = (lane: BrokerQueue, id: number): Partition => ({
  topic: 'gemini.other',
  id,
  lane,
  busy: false,
  gone: false,
});

const permitUntil = (deadline: number): PublishPermit => ({
  deadline,
  askedAt: 0,
  heldUntil: Infinity,
});

function pending(
  partition: Partition,
  overrides: Partial<QueuedRecord> = {},
): QueuedRecord {
  const record = {
    topic: partition.topic,
    key: 'k',
    value: Buffer.alloc(0),
    headers: {},
  };
  return {
    record,
    key: Buffer.from('k'),
    partition,
    permit: permitUntil(1000),
    bytes: 4096,
    since: 0,
    resolve: () => undefined,
    reject: () => undefined,
    ...overrides,
  };
}

function queueWith(partitions: number) {
  const lane = new BrokerQueue(1);
  return {
    lane,
    at: Array.from({ length: partitions }, (_, id) => partitionOf(lane, id)),
  };
}

describe('BrokerQueue', () => {
  it('takes all that waits, by partition and in its order', () => {
    const { lane, at } = queueWith(2);
    const waiting = [at[0]!, at[1]!, at[0]!].map((partition) => pending(partition));
    lane.queue.push(...waiting);
    const batch = lane.takeBatch(PRODUCER);
    expect(batch.map(({ partition }) => partition)).toEqual(at);
    expect(batch.map(({ records }) => records)).toEqual([
      [waiting[0], waiting[2]],
      [waiting[1]],
    ]);
    expect(lane.idle).toBe(true);
  });

  it('leaves what waits for a busy partition', () => {
    const { lane, at } = queueWith(2);
    lane.queue.push(pending(at[0]!));
    lane.takeBatch(PRODUCER);
    lane.queue.push(pending(at[0]!), pending(at[1]!));
    expect(lane.takeBatch(PRODUCER).map(({ partition }) => partition)).toEqual([at[1]]);
    expect(lane.queue).toHaveLength(1);
    at[0]!.busy = false;
    expect(lane.takeBatch(PRODUCER).map(({ partition }) => partition)).toEqual([at[0]]);
  });

  it('takes at most 500 records and 768 KiB, and leaves the rest', () => {
    const { lane, at } = queueWith(1);
    lane.queue.push(
      ...Array.from({ length: 501 }, () => pending(at[0]!, { bytes: 100 })),
    );
    expect(lane.takeBatch(PRODUCER)[0]?.records).toHaveLength(500);
    expect(lane.queue).toHaveLength(1);
    at[0]!.busy = false;
    lane.queue = Array.from({ length: 5 }, () => pending(at[0]!, { bytes: 256 * 1024 }));
    expect(lane.takeBatch(PRODUCER)[0]?.records).toHaveLength(3);
    expect(lane.queue).toHaveLength(2);
  });

  it('always takes something: the largest record fits', () => {
    const { lane, at } = queueWith(1);
    lane.queue.push(pending(at[0]!, { bytes: 256 * 1024 + 4096 }));
    expect(lane.takeBatch(PRODUCER)).toHaveLength(1);
  });

  it('takes repeats before the queue, those of one producer at a time', () => {
    const { lane, at } = queueWith(3);
    const old = {} as Producer;
    const batchOf = (partition: Partition, producer: Producer) =>
      new PartitionBatch(partition, [pending(partition)], producer);
    const repeats = [
      batchOf(at[0]!, old),
      batchOf(at[1]!, PRODUCER),
      batchOf(at[2]!, old),
    ];
    lane.repeats.push(...repeats);
    lane.queue.push(pending(at[0]!));
    expect(lane.takeBatch(PRODUCER)).toEqual([repeats[0], repeats[2]]);
    expect(lane.takeBatch(PRODUCER)).toEqual([repeats[1]]);
    expect(lane.repeats).toEqual([]);
    expect(lane.queue).toHaveLength(1);
  });

  it('lets nothing overtake what did not fit', () => {
    const { lane, at } = queueWith(1);
    const waiting = [260, 260, 270, 5].map((kib) =>
      pending(at[0]!, { bytes: kib * 1024 }),
    );
    lane.queue = waiting.slice();
    expect(lane.takeBatch(PRODUCER)[0]?.records).toEqual(waiting.slice(0, 2));
    at[0]!.busy = false;
    expect(lane.takeBatch(PRODUCER)[0]?.records).toEqual(waiting.slice(2));
  });

  it('withdraws what is past its deadline from the queue, and no repeat', () => {
    const { lane, at } = queueWith(1);
    const late = pending(at[0]!, { permit: permitUntil(500) });
    const early = pending(at[0]!, { permit: permitUntil(501) });
    lane.queue.push(late, early);
    lane.repeats.push(new PartitionBatch(at[0]!, [late], PRODUCER));
    expect(lane.takeExpired(500)).toEqual([late]);
    expect(lane.queue).toEqual([early]);
    expect(lane.repeats).toHaveLength(1);
  });
});

describe('PartitionBatch', () => {
  it('refuses to be sent when the claim on one of its records ends too soon', () => {
    const { at } = queueWith(1);
    const held = { ...permitUntil(0), heldUntil: performance.now() + 60_000 };
    const ending = { ...permitUntil(0), heldUntil: performance.now() + 4000 };
    const records = [pending(at[0]!, { permit: held })];
    const batch = new PartitionBatch(at[0]!, records, PRODUCER);
    expect(() => batch.assertMaySend()).not.toThrow();
    records.push(pending(at[0]!, { permit: ending }));
    expect(() => batch.assertMaySend()).toThrow(ClaimExpired);
  });

  it('splits into single records that remember whether the batch may have been sent', () => {
    const { at } = queueWith(1);
    const records = [pending(at[0]!), pending(at[0]!)];
    const batch = new PartitionBatch(at[0]!, records, PRODUCER);
    expect(batch.split().map(({ maybeSent }) => maybeSent)).toEqual([false, false]);
    batch.markSent();
    const singles = batch.split();
    expect(singles.map((single) => single.records)).toEqual([[records[0]], [records[1]]]);
    expect(singles.map(({ maybeSent }) => maybeSent)).toEqual([true, true]);
  });
});
