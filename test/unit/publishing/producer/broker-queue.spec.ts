import { describe, expect, it } from '@jest/globals';
import type { Producer } from 'kafkajs';
import {
  BrokerQueue,
  type Partition,
} from '../../../../src/publishing/producer/broker-queue.js';
import { PartitionBatch } from '../../../../src/publishing/producer/partition-batch.js';
import { partitionOf, permitUntil, PRODUCER, queued } from './records.js';

function queueWith(partitions: number) {
  const queue = new BrokerQueue(1);
  return {
    queue,
    at: Array.from({ length: partitions }, (_, id) => partitionOf(queue, id)),
  };
}

const batchOf = (partition: Partition, producer: Producer) =>
  new PartitionBatch(partition, [queued(partition)], producer);

describe('BrokerQueue', () => {
  it('makes one batch for each partition, with its records in their order', () => {
    const { queue, at } = queueWith(2);
    const waiting = [at[0]!, at[1]!, at[0]!].map((partition) => queued(partition));
    queue.waiting.push(...waiting);
    const batch = queue.nextBatches(PRODUCER);
    expect(batch.map(({ partition }) => partition)).toEqual(at);
    expect(batch.map(({ records }) => records)).toEqual([
      [waiting[0], waiting[2]],
      [waiting[1]],
    ]);
    expect(queue.isEmpty).toBe(true);
  });

  it('leaves the records of a busy partition', () => {
    const { queue, at } = queueWith(2);
    queue.waiting.push(queued(at[0]!));
    queue.nextBatches(PRODUCER);
    queue.waiting.push(queued(at[0]!), queued(at[1]!));
    expect(queue.nextBatches(PRODUCER).map(({ partition }) => partition)).toEqual([
      at[1],
    ]);
    expect(queue.waiting).toHaveLength(1);
    at[0]!.busy = false;
    expect(queue.nextBatches(PRODUCER).map(({ partition }) => partition)).toEqual([
      at[0],
    ]);
  });

  it('bounds a request by 500 records and 768 KiB, and leaves the rest', () => {
    const { queue, at } = queueWith(1);
    queue.waiting.push(
      ...Array.from({ length: 501 }, () => queued(at[0]!, { bytes: 100 })),
    );
    expect(queue.nextBatches(PRODUCER)[0]?.records).toHaveLength(500);
    expect(queue.waiting).toHaveLength(1);
    at[0]!.busy = false;
    queue.waiting = Array.from({ length: 5 }, () =>
      queued(at[0]!, { bytes: 256 * 1024 }),
    );
    expect(queue.nextBatches(PRODUCER)[0]?.records).toHaveLength(3);
    expect(queue.waiting).toHaveLength(2);
  });

  it('has room for the largest record that the bridge accepts', () => {
    const { queue, at } = queueWith(1);
    queue.waiting.push(queued(at[0]!, { bytes: 256 * 1024 + 4096 }));
    expect(queue.nextBatches(PRODUCER)).toHaveLength(1);
  });

  it('sends repeats before new records, those of one producer at a time', () => {
    const { queue, at } = queueWith(3);
    const old = {} as Producer;
    const repeats = [
      batchOf(at[0]!, old),
      batchOf(at[1]!, PRODUCER),
      batchOf(at[2]!, old),
    ];
    queue.repeats.push(...repeats);
    queue.waiting.push(queued(at[0]!));
    expect(queue.nextBatches(PRODUCER)).toEqual([repeats[0], repeats[2]]);
    expect(queue.nextBatches(PRODUCER)).toEqual([repeats[1]]);
    expect(queue.repeats).toEqual([]);
    expect(queue.waiting).toHaveLength(1);
  });

  it('lets no later record overtake one that did not fit', () => {
    const { queue, at } = queueWith(1);
    const waiting = [260, 260, 270, 5].map((kib) =>
      queued(at[0]!, { bytes: kib * 1024 }),
    );
    queue.waiting = waiting.slice();
    expect(queue.nextBatches(PRODUCER)[0]?.records).toEqual(waiting.slice(0, 2));
    at[0]!.busy = false;
    expect(queue.nextBatches(PRODUCER)[0]?.records).toEqual(waiting.slice(2));
  });

  it('removes waiting records whose deadline is over, and no repeat', () => {
    const { queue, at } = queueWith(1);
    const late = queued(at[0]!, { permit: permitUntil(500) });
    const early = queued(at[0]!, { permit: permitUntil(501) });
    queue.waiting.push(late, early);
    queue.repeats.push(new PartitionBatch(at[0]!, [late], PRODUCER));
    expect(queue.removeExpired(500)).toEqual([late]);
    expect(queue.waiting).toEqual([early]);
    expect(queue.repeats).toHaveLength(1);
  });
});
