import type { PartitionId } from '../../partition-id.js';
import {
  CONSUMER,
  READ_UNCOMMITTED,
  byTopic,
  kafkaRequest,
  readPartitions,
  requestEncoder,
  type Decoder,
  type KafkaRequest,
} from './kafka-request.js';

export interface FetchPosition extends PartitionId {
  /** The first offset to fetch. */
  readonly offset: number;
}

export interface FetchAnswer extends PartitionId {
  /** Kafka's error code; 0 for none. */
  readonly errorCode: number;
  /** Record batches. The last one may be cut off. */
  readonly bytes: Buffer;
}

/** Bounds of a response, in bytes: what reading the topics may hold in memory at once. */
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_PARTITION_BYTES = 1024 * 1024;
/** The broker answers at once when it has records, else after this time. */
const MAX_WAIT_MS = 500;

const encode = requestEncoder('fetch/v11');

/**
 * Fetch, version 11, for records that are on all in-sync replicas.
 *
 * @see https://kafka.apache.org/protocol#The_Messages_Fetch
 */
export function fetchRecords(
  positions: readonly FetchPosition[],
): KafkaRequest<FetchAnswer[]> {
  const topics = byTopic(positions, ({ partition, offset }) => ({
    partition,
    fetchOffset: offset,
    maxBytes: MAX_PARTITION_BYTES,
  }));
  const request = encode({
    replicaId: CONSUMER,
    isolationLevel: READ_UNCOMMITTED,
    maxWaitTime: MAX_WAIT_MS,
    minBytes: 1,
    maxBytes: MAX_BYTES,
    topics,
  });
  return kafkaRequest(request, decodeFetch);
}

/** @throws {Error} when the response as a whole has an error. */
function decodeFetch(decoder: Decoder): FetchAnswer[] {
  decoder.readInt32(); // throttle time
  const error = decoder.readInt16();
  if (error !== 0) throw new Error(`Kafka answers the fetch with error ${error}`);
  decoder.readInt32(); // session
  return readPartitions(decoder, decodePartition);
}

function decodePartition(topic: string, decoder: Decoder): FetchAnswer {
  const partition = decoder.readInt32();
  const errorCode = decoder.readInt16();
  decoder.readInt64(); // high watermark
  decoder.readInt64(); // last stable offset
  decoder.readInt64(); // log start offset
  decoder.readArray((aborted) => [aborted.readInt64(), aborted.readInt64()]);
  decoder.readInt32(); // preferred replica
  const length = decoder.readInt32();
  const bytes = length > 0 ? decoder.readBytes(length) : Buffer.alloc(0);
  return { topic, partition, errorCode, bytes };
}
