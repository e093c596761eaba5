import type { PartitionId } from '../../partition-id.js';
import { internalModule } from '../internals.js';

/** A request as kafkajs's connections send it, and the decoder of its response. */
export interface KafkaRequest<Response> {
  readonly request: object;
  readonly response: {
    decode(bytes: Buffer): Promise<Response>;
    parse(data: Response): Promise<Response>;
  };
}

/** The methods of kafkajs's `Decoder` that are used here. */
export interface Decoder {
  readInt32(): number;
  readInt16(): number;
  readInt64(): bigint;
  readString(): string;
  readBytes(length: number): Buffer;
  readArray<T>(read: (decoder: Decoder) => T): T[];
}

/** The replica id of a consumer. */
export const CONSUMER = -1;
/** The isolation level that also returns records of open transactions. The bridge writes none. */
export const READ_UNCOMMITTED = 0;

const DecoderClass = internalModule('protocol/decoder') as new (bytes: Buffer) => Decoder;

/** kafkajs's encoder of one version of a request. */
export type RequestEncoder = (parameters: object) => object;

export function requestEncoder(name: string): RequestEncoder {
  return internalModule(`protocol/requests/${name}/request`) as RequestEncoder;
}

/**
 * Pairs a request with a decoder of its response. kafkajs's own decoders throw when one
 * partition has an error; here the errors of partitions stay in the response.
 */
export function kafkaRequest<Response>(
  request: object,
  decode: (decoder: Decoder) => Response,
): KafkaRequest<Response> {
  return {
    request,
    response: {
      decode: (bytes) => Promise.resolve(decode(new DecoderClass(bytes))),
      parse: (data) => Promise.resolve(data),
    },
  };
}

/** Groups items by topic, as requests list them. */
export function byTopic<T extends PartitionId>(
  items: readonly T[],
  encode: (item: T) => object,
): { topic: string; partitions: object[] }[] {
  const topics = new Map<string, object[]>();
  for (const item of items) {
    const partitions = topics.get(item.topic) ?? [];
    partitions.push(encode(item));
    topics.set(item.topic, partitions);
  }
  return Array.from(topics, ([topic, partitions]) => ({ topic, partitions }));
}

/** Reads the partitions of all topics of a response. */
export function readPartitions<Answer>(
  decoder: Decoder,
  readPartition: (topic: string, decoder: Decoder) => Answer,
): Answer[] {
  return decoder
    .readArray((each) => {
      const topic = each.readString();
      return each.readArray((inner) => readPartition(topic, inner));
    })
    .flat();
}
