import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import { fetchRecords } from '../../../../../../src/infrastructure/kafka/kafkajs/protocol/fetch.js';
import type { KafkaRequest } from '../../../../../../src/infrastructure/kafka/kafkajs/protocol/kafka-request.js';
import {
  LATEST,
  listOffsets,
} from '../../../../../../src/infrastructure/kafka/kafkajs/protocol/list-offsets.js';

/** kafkajs's own encoder and decoder, as the other side of the protocol. */
interface Encoder {
  readonly buffer: Buffer;
  writeInt8(value: number): Encoder;
  writeInt16(value: number): Encoder;
  writeInt32(value: number): Encoder;
  writeInt64(value: number): Encoder;
  writeString(value: string): Encoder;
  writeBytes(value: Buffer | null): Encoder;
  writeArray(items: Encoder[]): Encoder;
}

const require = createRequire(import.meta.url);
const EncoderClass = require('kafkajs/src/protocol/encoder') as new () => Encoder;
const encoder = () => new EncoderClass();

const NOT_LEADER = 6;
const PARTITIONS = [
  { topic: 'a', partition: 0, offset: 7 },
  { topic: 'b', partition: 2, offset: 8 },
  { topic: 'a', partition: 1, offset: 9 },
];

async function encoded({ request }: KafkaRequest<unknown>): Promise<Buffer> {
  const { buffer } = await (request as { encode(): Promise<Encoder> }).encode();
  return buffer;
}

describe('ListOffsets', () => {
  it('asks for each partition, grouped by topic', async () => {
    const partition = (id: number) => encoder().writeInt32(id).writeInt64(LATEST);
    const expected = encoder()
      .writeInt32(5)
      .writeInt8(0)
      .writeArray([
        encoder()
          .writeString('a')
          .writeArray([partition(0), partition(1)]),
        encoder()
          .writeString('b')
          .writeArray([partition(2)]),
      ]);
    expect(await encoded(listOffsets(PARTITIONS, 5, LATEST))).toEqual(expected.buffer);
  });

  it('keeps the error of a partition beside the offsets of the others', async () => {
    const answer = (id: number, errorCode: number, offset: number) =>
      encoder().writeInt32(id).writeInt16(errorCode).writeInt64(-1).writeInt64(offset);
    const response = encoder()
      .writeInt32(0)
      .writeArray([
        encoder()
          .writeString('a')
          .writeArray([answer(0, 0, 2 ** 40), answer(1, NOT_LEADER, -1)]),
        encoder()
          .writeString('b')
          .writeArray([answer(2, 0, 3)]),
      ]);
    const { response: decoder } = listOffsets(PARTITIONS, 5, LATEST);
    const answers = await decoder.parse(await decoder.decode(response.buffer));
    expect(answers).toEqual([
      { topic: 'a', partition: 0, errorCode: 0, offset: 2 ** 40 },
      { topic: 'a', partition: 1, errorCode: NOT_LEADER, offset: -1 },
      { topic: 'b', partition: 2, errorCode: 0, offset: 3 },
    ]);
  });
});

/** A partition of a Fetch response. */
const fetched = (id: number, errorCode: number, bytes: Buffer | null) =>
  encoder()
    .writeInt32(id)
    .writeInt16(errorCode)
    .writeInt64(100) // high watermark
    .writeInt64(100) // last stable offset
    .writeInt64(0) // log start offset
    .writeArray([encoder().writeInt64(1).writeInt64(2)]) // aborted transactions
    .writeInt32(-1) // preferred replica
    .writeBytes(bytes);

describe('Fetch', () => {
  const { response: decoder } = fetchRecords(PARTITIONS);
  it('returns the bytes of each partition, and no bytes for null', async () => {
    const response = encoder()
      .writeInt32(0)
      .writeInt16(0)
      .writeInt32(0)
      .writeArray([
        encoder()
          .writeString('a')
          .writeArray([
            fetched(0, 0, Buffer.from('batches')),
            fetched(1, NOT_LEADER, null),
          ]),
      ]);
    expect(await decoder.decode(response.buffer)).toEqual([
      { topic: 'a', partition: 0, errorCode: 0, bytes: Buffer.from('batches') },
      { topic: 'a', partition: 1, errorCode: NOT_LEADER, bytes: Buffer.alloc(0) },
    ]);
  });

  it('fails when the response as a whole has an error', async () => {
    const response = encoder().writeInt32(0).writeInt16(71).writeInt32(0).writeArray([]);
    await expect(async () => decoder.decode(response.buffer)).rejects.toThrow(
      'Kafka answers the fetch with error 71',
    );
  });
});
