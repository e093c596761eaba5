import { join } from 'node:path';
import { SECRET } from '../../support/gemini-sender.js';
import { usesRedis } from './fault-kinds.js';
import type { Schedule, Stage } from './schedule.js';
import type { World } from './world.js';

export { SECRET } from '../../support/gemini-sender.js';

/** Few partitions, so that the brokers stay small and each partition has some traffic. */
const PARTITIONS = 2;

/** The environment of each replica of a run. */
export function replicaEnvironment(
  world: World,
  stage: Stage,
  topicPrefix: string,
): Record<string, string> {
  return {
    KAFKA_BROKERS: world.kafkaBrokers,
    TOPIC_PREFIX: topicPrefix,
    TOPIC_PARTITIONS: String(PARTITIONS),
    TOPIC_REPLICATION: String(stage.brokers),
    TOPIC_MIN_ISR: stage.brokers === 3 ? '2' : '1',
    WEBHOOK_SECRETS: SECRET,
    CAPABILITY_KEYS_FILE: world.secrets.capabilityKeysFile,
    JWKS_URL: world.gemini.jwksUrl,
    ACK_BUDGET_MS: String(stage.ackBudgetMs),
    DEDUPE_STORE: stage.store,
    ...(usesRedis(stage) && { REDIS_URL: world.redis.url }),
    ...(stage.store === 'redis' && { DEDUPE_ON_ERROR: stage.onDedupeError }),
  };
}

/** The modules that the planned faults need inside a replica's process. */
export function replicaPreloads({ faults }: Schedule): string[] {
  const needed = [
    ...(faults.some(({ fault }) => fault === 'replica-stall') ? ['stall.mjs'] : []),
    ...(faults.some(({ fault }) => fault === 'clock-skew') ? ['clock.mjs'] : []),
  ];
  return needed.map((name) =>
    join(import.meta.dirname, '..', '..', 'support', 'preload', name),
  );
}
