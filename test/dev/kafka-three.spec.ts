import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startKafka, type KafkaCluster } from '../../dev/kafka.js';
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
      waitForLeaders: true,
      topics: [{ topic: 'events', numPartitions: 1 }],
    });
    const { topics } = await admin.fetchTopicMetadata({ topics: ['events'] });
    await admin.disconnect();
    const partition = topics[0]?.partitions[0];
    expect(partition?.replicas).toHaveLength(3);
    await produce(kafka, 'events', ['before']);

    await cluster.nodes.find((node) => node.id === partition?.leader)?.kill();

    await produce(kafka, 'events', ['after']);
    expect(await consume(kafka, 'events', 2)).toEqual(['before', 'after']);
  }, 90_000);
});
