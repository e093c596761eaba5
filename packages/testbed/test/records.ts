import { Kafka, logLevel, type Consumer } from 'kafkajs';

/** A kafkajs client without a log. It retries for longer than a cluster needs to miss a dead broker (9 s). */
export function quietKafka(brokers: string): Kafka {
  return new Kafka({
    brokers: brokers.split(','),
    clientId: 'test-dev',
    logLevel: logLevel.NOTHING,
    retry: { retries: 60, maxRetryTime: 500 },
  });
}

/** Writes the values with acks from all in-sync replicas. */
export async function produce(
  kafka: Kafka,
  topic: string,
  values: string[],
): Promise<void> {
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  try {
    await producer.send({
      topic,
      acks: -1,
      messages: values.map((value) => ({ value })),
    });
  } finally {
    await producer.disconnect();
  }
}

/** Reads from the beginning until it has that many values. */
export async function consume(
  kafka: Kafka,
  topic: string,
  count: number,
): Promise<string[]> {
  const consumer = kafka.consumer({ groupId: `test-${Date.now()}-${Math.random()}` });
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    return await collect(consumer, count);
  } finally {
    await consumer.disconnect();
  }
}

function collect(consumer: Consumer, count: number): Promise<string[]> {
  const values: string[] = [];
  return new Promise((resolve, reject) => {
    const eachMessage = async ({ message }: { message: { value: Buffer | null } }) => {
      values.push(message.value?.toString() ?? '');
      if (values.length === count) resolve(values);
    };
    consumer.run({ eachMessage }).catch(reject);
  });
}
