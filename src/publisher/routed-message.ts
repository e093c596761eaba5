import type { Message, PartitionerArgs } from 'kafkajs';
import type { Pending } from './lane.js';

/** By its name kafkajs knows that its metadata are out of date, and asks again. */
class LeaderMoved extends Error {
  override readonly name = 'KafkaJSMetadataNotLoaded';
}

/** A message with its partition chosen, and the broker that it is meant for. */
interface RoutedMessage extends Message {
  readonly partition: number;
  readonly leader?: number | undefined;
}

export function routed(
  { key, record }: Pending,
  partition: number,
  leader?: number,
): RoutedMessage {
  const { value, headers } = record;
  return { key, value, headers, partition, leader };
}

/**
 * The partitioner of every producer given to a `Batcher`: the partition is chosen already;
 * what is left is to hold kafkajs's view of the leaders against ours.
 *
 * @throws {LeaderMoved} where they differ.
 */
export function routedPartitioner() {
  return ({ message, partitionMetadata }: PartitionerArgs): number => {
    const { partition, leader } = message as RoutedMessage;
    if (leader === undefined) return partition;
    for (const { partitionId, leader: actual } of partitionMetadata) {
      if (partitionId === partition && actual === leader) return partition;
    }
    throw new LeaderMoved('the partition is led by another broker');
  };
}
