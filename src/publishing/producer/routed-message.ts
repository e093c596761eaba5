import type { Message, PartitionerArgs } from 'kafkajs';
import type { FencedMessage } from '../../infrastructure/kafka/kafkajs/produce-fence.js';
import type { PublishPermit } from '../event-publisher.js';
import type { QueuedRecord } from './broker-queue.js';
import { assertClaimHeld } from './claim-check.js';
import type { PartitionBatch } from './partition-batch.js';

/** kafkajs reloads its metadata when it sees an error of this name. */
class LeaderMoved extends Error {
  override readonly name = 'KafkaJSMetadataNotLoaded';
}

/** A message whose partition is chosen, and the broker that it is meant for. */
export interface RoutedMessage extends Message, FencedMessage {
  readonly partition: number;
  readonly leader?: number | undefined;
  readonly permit: PublishPermit;
}

export function routedMessage(
  { key, record, permit }: QueuedRecord,
  batch: PartitionBatch,
  leader?: number,
): RoutedMessage {
  const { value, headers } = record;
  const partition = batch.partition.id;
  return { key, value, headers, partition, leader, permit, fence: batch };
}

/**
 * The partitioner of every producer that a `Batcher` uses. kafkajs also calls it before each
 * of its own retries. The partition is already chosen, so the partitioner only checks that
 * the record may still be written and that kafkajs sees the same leader as the batcher.
 *
 * @throws {ClaimExpired} when the record may not be written any more.
 * @throws {LeaderMoved} when kafkajs sees another leader.
 */
export function routedPartitioner() {
  return ({ message, partitionMetadata }: PartitionerArgs): number => {
    const { partition, leader, permit } = message as RoutedMessage;
    assertClaimHeld(permit);
    if (leader === undefined) return partition;
    for (const { partitionId, leader: actual } of partitionMetadata) {
      if (partitionId === partition && actual === leader) return partition;
    }
    throw new LeaderMoved('the partition is led by another broker');
  };
}
