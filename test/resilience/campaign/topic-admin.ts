import { setTimeout as delay } from 'node:timers/promises';
import kafkajs, { type Admin, type ConfigEntries } from 'kafkajs';
import { client } from '../../support/topic-log.js';

const LIMIT_MS = 90_000;

/** Changes topics as an operator does. It connects without the proxies, and retries until the change is made. */
export class TopicAdmin {
  /** @param brokers addresses without the proxies */
  constructor(private readonly brokers: string) {}

  async named(prefix: string): Promise<string[]> {
    const all = await this.untilDone((admin) => admin.listTopics());
    return all.filter((name) => name.startsWith(prefix));
  }

  /** Sets one setting of these topics and keeps the others. @param value undefined removes the setting */
  async set(
    topics: readonly string[],
    name: string,
    value: string | undefined,
  ): Promise<void> {
    const settings = await this.untilDone((admin) => settingsOf(admin, topics));
    await this.untilDone((admin) =>
      admin.alterConfigs({
        validateOnly: false,
        resources: Array.from(settings, ([topic, set]) => ({
          type: kafkajs.ConfigResourceTypes.TOPIC,
          name: topic,
          configEntries: withSetting(set, name, value),
        })),
      }),
    );
  }

  async addPartition(topics: readonly string[]): Promise<void> {
    await this.untilDone(async (admin) => {
      const metadata = await admin.fetchTopicMetadata({ topics: [...topics] });
      await admin.createPartitions({
        topicPartitions: metadata.topics.map(({ name, partitions }) => ({
          topic: name,
          count: partitions.length + 1,
        })),
      });
    });
  }

  /** Makes the second replica of each partition the preferred leader. The cluster moves the leadership to it. */
  async rotateReplicas(topics: readonly string[]): Promise<void> {
    await this.untilDone(async (admin) => {
      const metadata = await admin.fetchTopicMetadata({ topics: [...topics] });
      await admin.alterPartitionReassignments({
        topics: metadata.topics.map(({ name, partitions }) => ({
          topic: name,
          partitionAssignment: partitions.map(({ partitionId, replicas }) => ({
            partition: partitionId,
            replicas: [...replicas.slice(1), ...replicas.slice(0, 1)],
          })),
        })),
      });
    });
  }

  async remove(topics: readonly string[]): Promise<void> {
    if (topics.length === 0) return;
    await this.untilDone((admin) => admin.deleteTopics({ topics: [...topics] }));
  }

  private async untilDone<T>(task: (admin: Admin) => Promise<T>): Promise<T> {
    const end = performance.now() + LIMIT_MS;
    for (;;) {
      const admin = client(this.brokers).admin();
      try {
        await admin.connect();
        return await task(admin);
      } catch (error) {
        if (performance.now() > end) throw error;
        await delay(500);
      } finally {
        await admin.disconnect().catch(() => undefined);
      }
    }
  }
}

type Settings = Map<string, string>;

async function settingsOf(
  admin: Admin,
  topics: readonly string[],
): Promise<Map<string, Settings>> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: topics.map((name) => ({
      type: kafkajs.ConfigResourceTypes.TOPIC,
      name,
    })),
  });
  return new Map(
    resources.map(({ resourceName, configEntries }) => [
      resourceName,
      new Map(
        configEntries.filter(isSetOnTopic).map((e) => [e.configName, e.configValue]),
      ),
    ]),
  );
}

function isSetOnTopic({ configSource }: ConfigEntries): boolean {
  return configSource === kafkajs.ConfigSource.TOPIC_CONFIG;
}

/** All settings of a topic after the change, because Kafka replaces all of them. */
function withSetting(set: Settings, name: string, value: string | undefined) {
  const next = new Map(set);
  if (value === undefined) next.delete(name);
  else next.set(name, value);
  return Array.from(next, ([key, text]) => ({ name: key, value: text }));
}
