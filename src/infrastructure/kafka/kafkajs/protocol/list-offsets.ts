import type { PartitionId } from '../../partition-id.js';
import {
  READ_UNCOMMITTED,
  byTopic,
  kafkaRequest,
  readPartitions,
  requestEncoder,
  type Decoder,
  type KafkaRequest,
} from './kafka-request.js';

export interface OffsetAnswer extends PartitionId {
  /** Kafka's error code; 0 for none. */
  readonly errorCode: number;
  /** -1 when the partition has no record at or after the timestamp. */
  readonly offset: number;
}

/** In place of a timestamp: the end of the partition. */
export const LATEST = -1;

const encode = requestEncoder('listOffsets/v3');

/**
 * ListOffsets, version 3.
 *
 * @param replicaId `CONSUMER`, or a broker's node id. A replica is told the log end offset, a
 *   consumer the high watermark.
 * @param timestamp Unix ms, or `LATEST`.
 * @see https://kafka.apache.org/protocol#The_Messages_ListOffsets
 */
export function listOffsets(
  partitions: readonly PartitionId[],
  replicaId: number,
  timestamp: number,
): KafkaRequest<OffsetAnswer[]> {
  const topics = byTopic(partitions, ({ partition }) => ({ partition, timestamp }));
  const request = encode({ replicaId, isolationLevel: READ_UNCOMMITTED, topics });
  return kafkaRequest(request, decodeListOffsets);
}

function decodeListOffsets(decoder: Decoder): OffsetAnswer[] {
  decoder.readInt32(); // throttle time
  return readPartitions(decoder, (topic, each) => {
    const partition = each.readInt32();
    const errorCode = each.readInt16();
    each.readInt64(); // timestamp
    return { topic, partition, errorCode, offset: Number(each.readInt64()) };
  });
}
