import { setTimeout as delay } from 'node:timers/promises';
import type { Admin, EachMessagePayload, Kafka, KafkaMessage } from 'kafkajs';
import { grouped } from '../../support/grouped.js';
import { client } from '../../support/topic-log.js';
import { decode, encode, type FixtureRecord } from './fixture.js';

/** All records of the topics whose names begin with the prefix, in the order of topic, partition and offset. */
export async function dumpTopics(
  brokers: string,
  prefix: string,
): Promise<FixtureRecord[]> {
  const kafka = client(brokers);
  const admin = kafka.admin();
  await admin.connect();
  try {
    const counts = await recordCounts(admin, prefix);
    return await consume(kafka, counts);
  } finally {
    await admin.disconnect();
  }
}

/**
 * Creates the topics, and writes the records into their original partitions with their original timestamps. The topics
 * have no retention limit, so Kafka does not delete these old records.
 */
export async function loadTopics(
  brokers: string,
  records: readonly FixtureRecord[],
  partitions: number,
): Promise<void> {
  const kafka = client(brokers);
  const admin = kafka.admin();
  // Idempotent, because kafkajs sends a batch again if a partition of a new topic has no leader yet
  const producer = kafka.producer({ idempotent: true });
  await Promise.all([admin.connect(), producer.connect()]);
  try {
    const byTopic = grouped(records, ({ topic }) => topic);
    await admin.createTopics({
      waitForLeaders: true,
      topics: Array.from(byTopic.keys(), (topic) => ({
        topic,
        numPartitions: partitions,
        replicationFactor: 1,
        configEntries: [{ name: 'retention.ms', value: '-1' }],
      })),
    });
    await producer.sendBatch({
      topicMessages: Array.from(byTopic, ([topic, written]) => ({
        topic,
        messages: written.map(({ partition, timestamp, key, value, headers }) => ({
          partition,
          timestamp,
          key: decode(key),
          value: decode(value),
          headers: Object.fromEntries(
            Object.entries(headers).map(([name, text]) => [name, decode(text)]),
          ),
        })),
      })),
    });
  } finally {
    await Promise.all([admin.disconnect(), producer.disconnect()]);
  }
}

/** Number of records of each topic, without empty topics. */
async function recordCounts(admin: Admin, prefix: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const topic of await admin.listTopics()) {
    if (!topic.startsWith(prefix)) continue;
    const offsets = await offsetsOf(admin, topic);
    const count = offsets.reduce(
      (sum, { low, high }) => sum + Number(high) - Number(low),
      0,
    );
    if (count > 0) counts.set(topic, count);
  }
  return counts;
}

/** Offsets of a topic. Retries, because a restarted broker answers before it leads its partitions. */
async function offsetsOf(admin: Admin, topic: string, triesLeft = 100) {
  try {
    return await admin.fetchTopicOffsets(topic);
  } catch (error) {
    if (triesLeft === 0) throw error;
    await delay(200);
    return offsetsOf(admin, topic, triesLeft - 1);
  }
}

async function consume(
  kafka: Kafka,
  counts: ReadonlyMap<string, number>,
): Promise<FixtureRecord[]> {
  const total = Array.from(counts.values()).reduce((sum, count) => sum + count, 0);
  const consumer = kafka.consumer({ groupId: `dump-${Math.random()}` });
  await consumer.connect();
  await consumer.subscribe({ topics: [...counts.keys()], fromBeginning: true });
  const found: FixtureRecord[] = [];
  await new Promise<void>((resolve, reject) => {
    const eachMessage = ({ topic, partition, message }: EachMessagePayload) => {
      found.push(recordOf(topic, partition, message));
      if (found.length === total) resolve();
      return Promise.resolve();
    };
    consumer.run({ eachMessage }).catch(reject);
  });
  await consumer.disconnect();
  // The sort is stable, so the records of a partition stay in the order of their offsets
  return found.toSorted(
    (a, b) => a.topic.localeCompare(b.topic) || a.partition - b.partition,
  );
}

function recordOf(
  topic: string,
  partition: number,
  { timestamp, key, value, headers = {} }: KafkaMessage,
): FixtureRecord {
  return {
    topic,
    partition,
    timestamp,
    key: encode(key ?? Buffer.alloc(0)),
    value: encode(value ?? Buffer.alloc(0)),
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, text]) => [
        name,
        encode(Buffer.from(text as Buffer)),
      ]),
    ),
  };
}
