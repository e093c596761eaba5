import type { Admin } from '../infrastructure/kafka/kafka-client.js';
import type { Config } from '../config/config.js';
import { loadConfig } from '../config/load-config.js';
import { problemLine } from '../config/problem.js';
import { topicNames } from '../events/event-topics.js';
import { kafkaClient } from '../infrastructure/kafka/kafka-client.js';
import { replicationFault } from '../infrastructure/kafka/topic-creation.js';
import { Topics, TopicsError, type TopicState } from '../infrastructure/kafka/topics.js';
import { sleep } from '../infrastructure/timing/sleep.js';
import { kafkaProblem } from './connections/kafka-problem.js';
import { table, type Report } from './terminal.js';

const SILENCE_MS = 10_000;
/** Time for a slow cluster to create topics and elect leaders. */
const CREATE_WITHIN_MS = 30_000;
const PAUSE_MS = 500;
/** Answers about topics that are being created. A later attempt finds the topics. */
const TRANSIENT: ReadonlySet<unknown> = new Set([
  'REQUEST_TIMED_OUT',
  'TOPIC_ALREADY_EXISTS',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
]);

interface Description {
  readonly states: readonly TopicState[];
  readonly troubles: readonly string[];
}

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
    return reportOf(await ensured(topics, mode === 'create' ? CREATE_WITHIN_MS : 0));
  } catch (error) {
    throw await topicsFault(error, admin, config);
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

/**
 * Creates or checks the topics, and describes them.
 *
 * @param limitMs time for topics that are being created, in ms.
 */
export async function ensured(
  topics: Pick<Topics, 'ensure' | 'describe'>,
  limitMs: number,
): Promise<Description> {
  const end = performance.now() + limitMs;
  for (;;) {
    const isLast = performance.now() >= end;
    try {
      await topics.ensure();
      const description = await topics.describe();
      if (isLast || isWell(description)) return description;
    } catch (error) {
      if (isLast || !isTransient(error)) throw error;
    }
    await sleep(PAUSE_MS);
  }
}

function isWell({ states, troubles }: Description): boolean {
  return troubles.length === 0 && states.every(({ leaders }) => !leaders.includes(-1));
}

function isTransient(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const {
    type,
    errors = [],
    cause,
  } = error as {
    readonly type?: unknown;
    readonly errors?: readonly unknown[];
    readonly cause?: unknown;
  };
  return TRANSIENT.has(type) || errors.some(isTransient) || isTransient(cause);
}

function reportOf(description: Description): Report {
  const { states, troubles } = description;
  const rows = states.map(({ name, leaders }) => [
    name,
    `${leaders.length} partitions`,
    leaders.includes(-1) ? 'a partition has no leader' : 'ok',
  ]);
  const ok = isWell(description);
  return {
    json: { ok, topics: states, troubles },
    lines: [...table(rows), ...troubles],
    ok,
  };
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
