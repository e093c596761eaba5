import type { Kafka } from 'kafkajs';
import type { PartitionId } from '../partition-id.js';
import { InternalCluster } from './internal-cluster.js';
import { fetchRecords, type FetchAnswer, type FetchPosition } from './protocol/fetch.js';
import { CONSUMER } from './protocol/kafka-request.js';
import { LATEST, listOffsets, type OffsetAnswer } from './protocol/list-offsets.js';

export type { FetchAnswer, OffsetAnswer };

/** One answer for each partition that was asked about, in that order; undefined when missing. */
export type Answers<Answer> = readonly (Answer | undefined)[];

/**
 * Asks brokers for the offsets and the records of partitions. Needs Kafka 2.3 or newer.
 *
 * kafkajs's consumer does not fit: it needs a group for each replica of the bridge, decodes
 * every record completely, and restarts when no broker answers.
 */
export class TopicReader {
  private readonly cluster: InternalCluster;

  constructor(kafka: Kafka) {
    this.cluster = new InternalCluster(kafka);
  }

  async disconnect(): Promise<void> {
    await this.cluster.disconnect();
  }

  /**
   * The log end offsets. They count records that the leader has appended and that are not yet
   * on all in-sync replicas. Kafka tells them to a replica, so the reader asks in the name of
   * one; any node id will do. Only the leader of a partition answers.
   *
   * @param leader node id of the broker to ask.
   */
  logEndOffsets(
    leader: number,
    partitions: readonly PartitionId[],
  ): Promise<Answers<OffsetAnswer>> {
    return this.offsets(leader, partitions, leader, LATEST);
  }

  /** The high watermarks: all records before them are on all in-sync replicas. */
  highWatermarks(
    leader: number,
    partitions: readonly PartitionId[],
  ): Promise<Answers<OffsetAnswer>> {
    return this.offsets(leader, partitions, CONSUMER, LATEST);
  }

  /** The first offsets at or after a timestamp, Unix ms. */
  offsetsSince(
    leader: number,
    partitions: readonly PartitionId[],
    timestampMs: number,
  ): Promise<Answers<OffsetAnswer>> {
    return this.offsets(leader, partitions, CONSUMER, timestampMs);
  }

  /** Records from these offsets on that are on all in-sync replicas, up to 4 MiB together. */
  async fetch(
    leader: number,
    positions: readonly FetchPosition[],
  ): Promise<Answers<FetchAnswer>> {
    const answers = await this.cluster.send(leader, fetchRecords(positions));
    return inOrder(positions, answers);
  }

  private async offsets(
    leader: number,
    partitions: readonly PartitionId[],
    replicaId: number,
    timestamp: number,
  ): Promise<Answers<OffsetAnswer>> {
    const request = listOffsets(partitions, replicaId, timestamp);
    return inOrder(partitions, await this.cluster.send(leader, request));
  }
}

function inOrder<Answer extends PartitionId>(
  asked: readonly PartitionId[],
  answers: readonly Answer[],
): Answers<Answer> {
  const topics = new Map<string, Map<number, Answer>>();
  for (const answer of answers) {
    const partitions = topics.get(answer.topic) ?? new Map<number, Answer>();
    partitions.set(answer.partition, answer);
    topics.set(answer.topic, partitions);
  }
  return asked.map(({ topic, partition }) => topics.get(topic)?.get(partition));
}
