import type { Message, PartitionerArgs } from 'kafkajs';
import { MAX_LAG_MS } from '../topic-history.js';
import type { PublishPermit } from '../event-publisher.js';
import type { QueuedRecord, PartitionBatch } from './broker-queue.js';

/**
 * A claim has to last for this much longer, in ms: whoever has it next knows the log but for
 * its last MAX_LAG_MS, and what is sent takes a moment to get there.
 */
const SEND_MARGIN_MS = MAX_LAG_MS + 2000;

/** By its name kafkajs knows that its metadata are out of date, and asks again. */
class LeaderMoved extends Error {
  override readonly name = 'KafkaJSMetadataNotLoaded';
}

/** The claim on a record was not renewed in time: whoever has it now may be writing it. */
export class ClaimExpired extends Error {
  override readonly name = 'ClaimLapsed';
}

/** A message with its partition chosen, and the broker that it is meant for. */
export interface RoutedMessage extends Message {
  readonly partition: number;
  readonly leader?: number | undefined;
  readonly permit: PublishPermit;
  readonly unit: Pick<PartitionBatch, 'handedOn'>;
}

export function routed(
  { key, record, permit }: QueuedRecord,
  unit: PartitionBatch,
  leader?: number,
): RoutedMessage {
  const { value, headers } = record;
  return { key, value, headers, partition: unit.partition.id, leader, permit, unit };
}

/** @throws {ClaimExpired} when nothing may be sent under the claim any more. */
export function assertClaimHeld({ heldUntil }: PublishPermit): void {
  if (heldUntil - performance.now() >= SEND_MARGIN_MS) return;
  throw new ClaimExpired('the claim was not renewed in time');
}

/**
 * The partitioner of every producer given to a `Batcher`. kafkajs calls it before each of its
 * own attempts too. The partition is chosen already; what is left is to see that the record
 * may still be written, and to hold kafkajs's view of the leaders against ours.
 *
 * @throws {ClaimExpired}
 * @throws {LeaderMoved} where the views differ.
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
