import type { Admin } from '../../infrastructure/kafka/kafka-client.js';
import type { Config } from '../../config/config.js';
import type { Problem } from '../../config/problem.js';
import { topicNames } from '../../events/event-topics.js';
import { kafkaClient } from '../../infrastructure/kafka/kafka-client.js';
import {
  creationFault,
  creationRequest,
  replicationFault,
} from '../../infrastructure/kafka/topic-creation.js';
import { Topics, TopicsError } from '../../infrastructure/kafka/topics.js';
import { ConnectionError, type ConnectionCheck } from './connection-check.js';
import { kafkaProblem } from './kafka-problem.js';

const SILENCE_MS = 4000;

/** Checks that Kafka answers, and has the topics or lets the bridge create them. */
export function kafkaConnection(config: Config): ConnectionCheck {
  const address = config.kafka.brokers.join(',');
  return {
    target: 'Kafka',
    address,
    setting: 'KAFKA_BROKERS',
    run: (signal) => ask(config, signal),
  };
}

async function ask(config: Config, signal: AbortSignal): Promise<string> {
  const admin = kafkaClient(config.kafka, SILENCE_MS).admin();
  const disconnect = () => void admin.disconnect().catch(() => undefined);
  signal.addEventListener('abort', disconnect);
  try {
    await admin.connect();
    const { brokers } = await admin.describeCluster();
    const found = await askAboutTopics(admin, config, brokers.length);
    return `${brokers.length} ${brokers.length === 1 ? 'broker' : 'brokers'}; ${found}`;
  } catch (error) {
    throw connectionError(error, config);
  } finally {
    disconnect();
  }
}

async function askAboutTopics(
  admin: Admin,
  config: Config,
  brokers: number,
): Promise<string> {
  const { topics: settings, dedupe } = config;
  const names = topicNames(settings.prefix);
  const listed = new Set(await admin.listTopics());
  const missing = names.filter((name) => !listed.has(name));
  const present = names.filter((name) => listed.has(name));
  if (present.length > 0) {
    const windowMs = dedupe.store === 'log' ? dedupe.ttlMs : undefined;
    await new Topics(admin, present, { ...settings, mode: 'check' }, windowMs).ensure();
  }
  if (missing.length === 0)
    return `${present.length} topics exist and are durable enough`;
  if (settings.mode === 'check') throw new ConnectionError(missingProblem(missing));
  const fault =
    replicationFault(settings, brokers) ??
    (await refusedCreation(admin, missing, settings));
  if (fault !== undefined) throw new ConnectionError(fault);
  return `${missing.length} of ${names.length} topics are missing, and the bridge may create them`;
}

/** Asks the broker to check a creation without making the topics. */
async function refusedCreation(
  admin: Admin,
  missing: readonly string[],
  settings: Config['topics'],
): Promise<string | undefined> {
  try {
    await admin.createTopics({
      ...creationRequest(missing, settings),
      validateOnly: true,
    });
    return undefined;
  } catch (error) {
    return creationFault(error, admin, settings);
  }
}

function missingProblem(missing: readonly string[]): Problem {
  return {
    setting: 'TOPICS_MODE',
    got: `check, although these topics are missing or hidden from the user: ${missing.join(', ')}`,
    wants: 'topics that exist and that the user may describe',
    remedy: '`gemini-kafka-bridge topics create` creates them; or set TOPICS_MODE=create',
  };
}

function connectionError(error: unknown, config: Config): ConnectionError {
  if (error instanceof ConnectionError) return error;
  if (error instanceof TopicsError) return new ConnectionError(error.message);
  return new ConnectionError(kafkaProblem(error, config));
}
