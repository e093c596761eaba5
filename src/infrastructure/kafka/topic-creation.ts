import type { Admin, ITopicConfig } from 'kafkajs';
import type { Config } from '../../config/config.js';

type Settings = Config['topics'];

/** kafkajs's error for several topics holds one error for each. */
interface CreationError {
  readonly errors?: readonly { readonly type?: string; readonly topic?: string }[];
}

/** Timeout of the creation, in ms. The next check creates topics that are missing then. */
const CREATE_TIMEOUT_MS = 3000;

/** The parameter of kafkajs's `createTopics`. */
interface CreationRequest {
  readonly timeout: number;
  readonly waitForLeaders: boolean;
  readonly topics: ITopicConfig[];
}

export function creationRequest(
  names: readonly string[],
  { partitions, replication, minIsr, retentionHours }: Settings,
): CreationRequest {
  return {
    timeout: CREATE_TIMEOUT_MS,
    waitForLeaders: false,
    topics: names.map((topic) => ({
      topic,
      numPartitions: partitions,
      replicationFactor: replication,
      configEntries: [
        { name: 'min.insync.replicas', value: String(minIsr) },
        { name: 'retention.ms', value: String(retentionHours * 3_600_000) },
        { name: 'cleanup.policy', value: 'delete' },
      ],
    })),
  };
}

/**
 * Explains why Kafka refused to create topics: the setting and the remedy, where they are known.
 *
 * @param error what `createTopics` threw.
 */
export async function creationFault(
  error: unknown,
  admin: Pick<Admin, 'describeCluster'>,
  settings: Settings,
): Promise<string> {
  const { errors = [] } = error as CreationError;
  const topics = errors.flatMap(({ topic }) => topic ?? []).join(', ');
  switch (errors[0]?.type) {
    case 'INVALID_REPLICATION_FACTOR': {
      const { brokers } = await admin.describeCluster();
      return (
        replicationFault(settings, brokers.length) ??
        `TOPIC_REPLICATION=${settings.replication}: Kafka refuses this replication factor for ${topics}`
      );
    }
    case 'TOPIC_AUTHORIZATION_FAILED':
    case 'CLUSTER_AUTHORIZATION_FAILED':
      return `TOPICS_MODE=create: the user of the bridge may not create ${topics}. Remedy: grant CREATE on them, or create them yourself and set TOPICS_MODE=check`;
    case 'POLICY_VIOLATION':
      return `TOPICS_MODE=create: a policy of the cluster refuses ${topics} with TOPIC_PARTITIONS=${settings.partitions}, TOPIC_REPLICATION=${settings.replication} and TOPIC_MIN_ISR=${settings.minIsr}. Remedy: change these to what the policy allows, or create the topics yourself and set TOPICS_MODE=check`;
    case 'REQUEST_TIMED_OUT':
      return `Kafka did not create ${topics} within ${CREATE_TIMEOUT_MS / 1000} s. It may still do so: look at the load of the brokers, and try again`;
    case undefined:
      return error instanceof Error ? error.message : String(error);
    default:
      return `TOPICS_MODE=create: Kafka refuses to create ${topics} (${errors[0]?.type}). Remedy: create them yourself, and set TOPICS_MODE=check`;
  }
}

/** @param brokers how many the cluster has now. @returns undefined when they suffice. */
export function replicationFault(
  { replication, minIsr }: Settings,
  brokers: number,
): string | undefined {
  if (replication <= brokers) return undefined;
  const has = brokers === 1 ? 'has 1 broker' : `has ${brokers} brokers`;
  const least = Math.min(minIsr, brokers);
  return `TOPIC_REPLICATION: got ${replication}, but the cluster ${has}; want at most ${brokers}. Remedy: set TOPIC_REPLICATION=${brokers} and TOPIC_MIN_ISR=${least}, or start more brokers`;
}
