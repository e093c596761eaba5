import { Kafka, logLevel, type Admin, type KafkaConfig } from 'kafkajs';

/** A record of a topic with its header values as text. */
export interface LoggedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** Reads all records of the bridge's topics up to the present high watermarks. */
export async function readTopics(
  brokers: string,
  prefix = 'gemini',
  security: Partial<KafkaConfig> = {},
): Promise<LoggedRecord[]> {
  const kafka = client(brokers, security);
  const admin = kafka.admin();
  await admin.connect();
  const ends = await endOffsets(admin, prefix);
  await admin.disconnect();
  const total = Array.from(ends.values()).reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return [];
  return readUntil(kafka, ends, total);
}

export function client(brokers: string, security: Partial<KafkaConfig> = {}): Kafka {
  return new Kafka({
    clientId: 'test',
    brokers: brokers.split(','),
    logLevel: logLevel.NOTHING,
    retry: { retries: 20, maxRetryTime: 500 },
    ...security,
  });
}

interface Range {
  readonly topic: string;
  readonly partition: number;
  readonly high: number;
  readonly count: number;
}

async function endOffsets(admin: Admin, prefix: string): Promise<Map<string, Range>> {
  const topics = (await admin.listTopics()).filter((name) => name.startsWith(prefix));
  const ranges = new Map<string, Range>();
  for (const topic of topics) {
    for (const { partition, low, high } of await offsets(admin, topic)) {
      const range = {
        topic,
        partition,
        high: Number(high),
        count: Number(high) - Number(low),
      };
      if (range.count > 0) ranges.set(`${topic}:${partition}`, range);
    }
  }
  return ranges;
}

/** Offsets of a topic. Retries, because a new topic may have no leader yet. */
async function offsets(admin: Admin, topic: string, tries = 20) {
  try {
    return await admin.fetchTopicOffsets(topic);
  } catch (error) {
    if (tries === 0) throw error;
    await new Promise((resolve) => setTimeout(resolve, 200));
    return offsets(admin, topic, tries - 1);
  }
}

async function readUntil(
  kafka: Kafka,
  ends: Map<string, Range>,
  total: number,
): Promise<LoggedRecord[]> {
  const consumer = kafka.consumer({
    groupId: `test-${Math.random()}`,
    maxWaitTimeInMs: 200,
  });
  await consumer.connect();
  const topics = Array.from(new Set(Array.from(ends.values(), ({ topic }) => topic)));
  await consumer.subscribe({ topics, fromBeginning: true });
  const records: LoggedRecord[] = [];
  await new Promise<void>((resolve) => {
    void consumer.run({
      eachMessage: ({ topic, partition, message }) => {
        const offset = Number(message.offset);
        if (offset < (ends.get(`${topic}:${partition}`)?.high ?? 0)) {
          records.push({
            topic,
            partition,
            offset,
            key: message.key?.toString() ?? '',
            value: message.value ?? Buffer.alloc(0),
            headers: Object.fromEntries(
              Object.entries(message.headers ?? {}).map(([name, value]) => [
                name,
                String(value),
              ]),
            ),
          });
        }
        if (records.length >= total) resolve();
        return Promise.resolve();
      },
    });
  });
  await consumer.disconnect();
  return records;
}

/** The number of records of each `webhook-id`. */
export function countById(records: readonly LoggedRecord[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { headers } of records) {
    const id = headers['webhook-id'] ?? '(none)';
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}
