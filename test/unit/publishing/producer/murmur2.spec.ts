import { expect, it } from '@jest/globals';
import { Partitioners } from 'kafkajs';
import { partitionFor } from '../../../../src/publishing/producer/murmur2.js';
import { SEED, SeededRandom } from '../../../support/seeded-random.js';

const theirs = Partitioners.DefaultPartitioner();

function kafkajsChoice(key: Buffer, partitions: number): number {
  const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
    partitionId,
    leader: 1,
  }));
  return theirs({
    topic: 't',
    partitionMetadata,
    message: { key, value: null },
  } as unknown as Parameters<typeof theirs>[0]);
}

it(`chooses kafkajs's partition for 1000 random keys (repeat with TEST_SEED=${SEED})`, () => {
  const random = new SeededRandom(SEED);
  for (let i = 0; i < 1000; i++) {
    const key = random.bytes(i < 16 ? i : random.int(0, 80));
    const partitions = random.int(1, 100);
    expect(partitionFor(key, partitions)).toBe(kafkajsChoice(key, partitions));
  }
});

// From org.apache.kafka.common.utils.UtilsTest#testMurmur2
it.each([
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
])('has the hash of Kafka’s Java client for %s', (key, hash) => {
  expect(partitionFor(Buffer.from(key), 2 ** 31)).toBe(hash & 0x7fffffff);
});
