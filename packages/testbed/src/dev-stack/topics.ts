import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel, type Admin, type KafkaMessage } from 'kafkajs';

const STOP_LIMIT_MS = 3000;

/** A record with its header values as text. */
export interface ConsumedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: string;
}

export interface Subscription {
  stop(): Promise<void>;
}

/** Reads topics from their beginning, with a consumer group of its own. `stop()` deletes the group. */
export async function subscribe(
  brokers: string,
  topics: readonly (string | RegExp)[],
  onRecord: (record: ConsumedRecord) => void,
): Promise<Subscription> {
  const kafka = client(brokers);
  const groupId = `gemini-kafka-bridge-dev-${randomUUID()}`;
  const consumer = kafka.consumer({
    groupId,
    maxWaitTimeInMs: 100,
    allowAutoTopicCreation: false,
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [...topics], fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ topic, partition, message }) => {
      onRecord(consumedRecord(topic, partition, message));
    },
  });
  return {
    async stop() {
      const ended = consumer
        .disconnect()
        .then(() => withAdmin(brokers, (admin) => admin.deleteGroups([groupId])));
      // kafkajs would look for a broker that has ended already
      await Promise.race([ended, sleep(STOP_LIMIT_MS, undefined, { ref: false })]);
    },
  };
}

/** The number of published deliveries on the topics of that prefix, dead letters included. */
export async function countRecords(brokers: string, prefix: string): Promise<number> {
  return withAdmin(brokers, async (admin) => {
    let count = 0;
    for (const topic of await ownTopics(admin, prefix)) {
      if (topic === `${prefix}-bridge.jobs`) continue;
      for (const { low, high } of await admin.fetchTopicOffsets(topic)) {
        count += Number(high) - Number(low);
      }
    }
    return count;
  });
}

export async function deleteTopics(brokers: string, prefix: string): Promise<void> {
  await withAdmin(brokers, async (admin) => {
    await admin.deleteTopics({ topics: await ownTopics(admin, prefix) });
  });
}

/** The topics `<prefix>.…` and `<prefix>-bridge.…`. */
async function ownTopics(admin: Admin, prefix: string): Promise<string[]> {
  const names = await admin.listTopics();
  return names.filter(
    (name) => name.startsWith(`${prefix}.`) || name.startsWith(`${prefix}-bridge.`),
  );
}

async function withAdmin<T>(
  brokers: string,
  work: (admin: Admin) => Promise<T>,
): Promise<T> {
  const admin = client(brokers).admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Logs nothing: a new broker answers "try again" until it has a group coordinator, which kafkajs prints as errors. */
function client(brokers: string): Kafka {
  return new Kafka({
    clientId: 'gemini-kafka-bridge-dev',
    brokers: brokers.split(','),
    logLevel: logLevel.NOTHING,
    retry: { retries: 20, initialRetryTime: 50, maxRetryTime: 500 },
  });
}

function consumedRecord(
  topic: string,
  partition: number,
  message: KafkaMessage,
): ConsumedRecord {
  const headers = Object.entries(message.headers ?? {}).map(
    ([name, value]) => [name, String(value)] as const,
  );
  return {
    topic,
    partition,
    offset: message.offset,
    key: message.key?.toString() ?? '',
    headers: Object.fromEntries(headers),
    value: message.value?.toString() ?? '',
  };
}
