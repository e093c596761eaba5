import type { Admin } from '../infrastructure/kafka/kafka-client.js';
import type { Config } from '../config/config.js';
import { loadConfig } from '../config/load-config.js';
import { problemLine } from '../config/problem.js';
import { topicNames } from '../events/event-topics.js';
import { kafkaClient } from '../infrastructure/kafka/kafka-client.js';
import { replicationFault } from '../infrastructure/kafka/topic-creation.js';
import { Topics, TopicsError } from '../infrastructure/kafka/topics.js';
import { kafkaProblem } from './connections/kafka-problem.js';
import { table, type Report } from './terminal.js';

const SILENCE_MS = 10_000;

/** @throws {TopicsError} naming the topics and the setting, or that no broker answers. */
export async function topicsCommand(
  env: NodeJS.ProcessEnv,
  mode: 'check' | 'create',
): Promise<Report> {
  const config = loadConfig(env);
  const { store, ttlMs } = config.dedupe;
  const admin = kafkaClient(config.kafka, SILENCE_MS).admin();
  const topics = new Topics(
    admin,
    topicNames(config.topics.prefix),
    { ...config.topics, mode },
    store === 'log' ? ttlMs : undefined,
  );
  try {
    await admin.connect();
    await topics.ensure();
    const { states, troubles } = await topics.describe();
    const rows = states.map(({ name, leaders }) => [
      name,
      `${leaders.length} partitions`,
      leaders.includes(-1) ? 'a partition has no leader' : 'ok',
    ]);
    const isWell = troubles.length === 0 && rows.every(([, , state]) => state === 'ok');
    return {
      json: { ok: isWell, topics: states, troubles },
      lines: [...table(rows), ...troubles],
      ok: isWell,
    };
  } catch (error) {
    throw await topicsFault(error, admin, config);
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

async function topicsFault(
  error: unknown,
  admin: Admin,
  config: Config,
): Promise<TopicsError> {
  if (!(error instanceof TopicsError)) {
    return new TopicsError(problemLine(kafkaProblem(error, config)));
  }
  const { brokers } = await admin.describeCluster();
  const fault = replicationFault(config.topics, brokers.length);
  const isSaid = fault === undefined || error.message.includes(fault);
  return isSaid ? error : new TopicsError(`${error.message}\n${fault}`);
}
