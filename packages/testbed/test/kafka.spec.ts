import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { rm } from 'node:fs/promises';
import type { Kafka, PartitionMetadata } from 'kafkajs';
import {
  startKafka,
  type KafkaCluster,
  type KafkaNode,
  type KafkaOptions,
} from '../src/kafka.js';
import { askBroker } from '../src/kafka/answers.js';
import { freePort } from '../src/process/free-ports.js';
import { isAlive } from '../src/process/processes.js';
import { temporaryFolder } from '../src/process/temporary-folder.js';
import { allThreadsStopped } from '../src/process/thread-states.js';
import { consume, produce, quietKafka } from './records.js';

/** A killed broker may come back after 3 s instead of 9. */
const SHORT_SESSION = {
  'broker.session.timeout.ms': '3000',
  'broker.heartbeat.interval.ms': '500',
};
const silent = () => undefined;

describe('one broker', () => {
  let cluster: KafkaCluster;
  let node: KafkaNode;

  beforeAll(async () => {
    cluster = await startKafka({
      own: true,
      log: silent,
      properties: { 'num.partitions': '1', ...SHORT_SESSION },
    });
    const [first] = cluster.nodes;
    if (!first) throw new Error('the cluster has no node');
    node = first;
  }, 120_000);
  afterAll(() => cluster.stop());

  it('stores records, with the properties that it was given', async () => {
    const kafka = quietKafka(cluster.brokers);
    expect(await createTopic(kafka, 'events')).toHaveLength(1);

    await produce(kafka, 'events', ['one', 'two']);
    expect(await consume(kafka, 'events', 2)).toEqual(['one', 'two']);
  }, 60_000);

  it('is silent while paused and answers when resumed', async () => {
    const limits = { connectionTimeout: 1000, requestTimeout: 1000 };
    await node.pause();
    expect(allThreadsStopped(node.pid)).toBe(true);
    expect(await askBroker(node.address, limits)).toBeUndefined();
    await node.resume();
    expect(allThreadsStopped(node.pid)).toBe(false);
    expect(await askBroker(node.address)).toMatchObject({ brokerIds: [1] });
  }, 30_000);

  it('ends when killed, and restarts with its data on the same port', async () => {
    const before = node.pid;
    await node.kill();
    expect(isAlive(before)).toBe(false);
    expect(await askBroker(node.address)).toBeUndefined();

    await node.restart();
    expect(node.pid).not.toBe(before);
    expect(await consume(quietKafka(cluster.brokers), 'events', 2)).toEqual([
      'one',
      'two',
    ]);
  }, 60_000);
});

describe('a broker with a folder and a port', () => {
  it('has its data and its cluster id again at the next start', async () => {
    await using folder = await temporaryFolder('gemini-kafka-bridge-test');
    const options = { own: true, log: silent, folder: folder.path };
    const port = await freePort();
    let clusterId: string | undefined;
    {
      await using cluster = await startKafka({ ...options, port });
      expect(cluster.brokers).toBe(`127.0.0.1:${port}`);
      clusterId = (await askBroker(cluster.brokers))?.clusterId;
      const kafka = quietKafka(cluster.brokers);
      await createTopic(kafka, 'events');
      await produce(kafka, 'events', ['kept']);
    }
    {
      // Also on another port: the voters are stored with their addresses
      await using cluster = await startKafka({ ...options, port: await freePort() });
      expect(await askBroker(cluster.brokers)).toMatchObject({ clusterId });
      expect(await consume(quietKafka(cluster.brokers), 'events', 1)).toEqual(['kept']);
    }
  }, 120_000);
});

describe('brokers from outside', () => {
  it('are used as they are, and nothing is started', async () => {
    process.env['KAFKA_BROKERS'] = 'kafka-1:9092,kafka-2:9092';
    try {
      const cluster = await startKafka({ log: silent });
      expect(cluster).toMatchObject({ brokers: 'kafka-1:9092,kafka-2:9092', nodes: [] });
      await cluster.stop();
    } finally {
      delete process.env['KAFKA_BROKERS'];
    }
  });
});

describe('a broker that cannot start', () => {
  it('is reported with the end of its log, and its folder stays', async () => {
    const message = await failure({ javaOptions: ['-XX:NoSuchOption'] });
    expect(message).toMatch(/broker 1 ended at start .*NoSuchOption/s);
  }, 30_000);

  it('is reported with the property that Kafka refuses', async () => {
    const message = await failure({ properties: { 'num.partitions': 'x' } });
    expect(message).toMatch(/Invalid value x for configuration num\.partitions/);
  }, 30_000);
});

async function createTopic(kafka: Kafka, topic: string): Promise<PartitionMetadata[]> {
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic }] });
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  await admin.disconnect();
  return topics[0]?.partitions ?? [];
}

async function failure(options: KafkaOptions): Promise<string> {
  const error: unknown = await startKafka({ own: true, log: silent, ...options }).catch(
    (reason: unknown) => reason,
  );
  const message = error instanceof Error ? error.message : '';
  const folder = / (\S*)\/broker-1/.exec(message)?.[1];
  if (folder) await rm(folder, { recursive: true });
  return message;
}
