import { describe, expect, it } from '@jest/globals';
import { sendSingly } from '../../../../src/publishing/producer/batch-splitter.js';
import { BrokerQueue } from '../../../../src/publishing/producer/broker-queue.js';
import { PartitionBatch } from '../../../../src/publishing/producer/partition-batch.js';
import { partitionOf, PRODUCER, queued } from './records.js';

const PARTITION = partitionOf(new BrokerQueue(1), 0);
const RECORDS = ['a', 'b', 'c'].map((key) =>
  queued(PARTITION, { key: Buffer.from(key) }),
);

/** Notes the keys that are sent and rejected. `unwritten` is not known to be written. */
function fakeSender({ unwritten = '', closedAfter = Infinity }) {
  const steps: string[] = [];
  return {
    steps,
    isClosed: () => steps.length >= closedAfter,
    sendAlone: async ({ records }: PartitionBatch) => {
      steps.push(`send ${records.map(({ key }) => String(key)).join()}`);
      return String(records[0]?.key) !== unwritten;
    },
    rejectMaybeWritten: (records: readonly { key: Buffer }[], fault: string) => {
      steps.push(`reject ${records.map(({ key }) => String(key)).join()}: ${fault}`);
    },
  };
}

describe('sendSingly', () => {
  it.each([
    [{}, ['send a', 'send b', 'send c']],
    [{ unwritten: 'b' }, ['send a', 'send b', 'reject c: unavailable']],
    [{ closedAfter: 1 }, ['send a', 'reject b,c: closed']],
  ])('with %j does %j', async (options, steps) => {
    const sender = fakeSender(options);
    await sendSingly(new PartitionBatch(PARTITION, RECORDS, PRODUCER), sender);
    expect(sender.steps).toEqual(steps);
  });
});
