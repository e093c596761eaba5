import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Admin, PartitionMetadata } from 'kafkajs';
import { startKafka, type KafkaCluster } from '../src/kafka.js';
import { consume, produce, quietKafka } from './records.js';

describe('three brokers', () => {
  let cluster: KafkaCluster;

  beforeAll(async () => {
    cluster = await startKafka({
      nodes: 3,
      own: true,
      log: () => undefined,
      properties: {
        'broker.session.timeout.ms': '3000',
        'broker.heartbeat.interval.ms': '500',
      },
    });
  }, 120_000);
  afterAll(() => cluster.stop());

  it('keep every record of a topic when the leader of its partition is killed', async () => {
    const kafka = quietKafka(cluster.brokers);
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({
      waitForLeaders: false,
      topics: [{ topic: 'events', numPartitions: 1 }],
    });
    const partition = await ledPartition(admin, 'events');
    await admin.disconnect();
    expect(partition.replicas).toHaveLength(3);
    await produce(kafka, 'events', ['before']);

    await cluster.nodes.find((node) => node.id === partition.leader)?.kill();

    await produce(kafka, 'events', ['after']);
    expect(await consume(kafka, 'events', 2)).toEqual(['before', 'after']);
  }, 90_000);
});

/** kafkajs's `waitForLeaders` fails when the broker that it asks does not know the topic yet. */
async function ledPartition(admin: Admin, topic: string): Promise<PartitionMetadata> {
  for (;;) {
    const { topics } = await admin
      .fetchTopicMetadata({ topics: [topic] })
      .catch((error: { type?: string }) => {
        if (error.type === 'UNKNOWN_TOPIC_OR_PARTITION') return { topics: [] };
        throw error;
      });
    const partition = topics[0]?.partitions[0];
    if (partition && partition.leader >= 0) return partition;
    await delay(100);
  }
}
