import { setTimeout as delay } from 'node:timers/promises';
import { readTopics, type LoggedRecord } from '../../support/topic-log.js';
import type { Journal } from './journal.js';
import type { Evidence } from './oracle.js';
import type { CampaignReplica } from './replica.js';
import { endOf } from './timeline.js';
import type { World } from './world.js';

/** Gauges that must be 0 again when the replicas have nothing to do. */
const GAUGES = [
  'gemini_bridge_attempts',
  'gemini_bridge_publish_pending',
  'gemini_bridge_held_body_bytes',
];
const QUIET_LIMIT_MS = 20_000;
const POLL_MS = 250;
const READ_LIMIT_MS = 60_000;

/** The gauges of each replica as soon as all of them are 0, or else at the end of the time limit. */
export async function leftoversOf(
  replicas: readonly CampaignReplica[],
): Promise<Evidence['leftovers']> {
  const deadline = performance.now() + QUIET_LIMIT_MS;
  for (;;) {
    const leftovers = await readGauges(replicas);
    const isQuiet = leftovers.every(({ value }) => value === 0);
    if (isQuiet || performance.now() > deadline) return leftovers;
    await delay(POLL_MS);
  }
}

async function readGauges(
  replicas: readonly CampaignReplica[],
): Promise<Evidence['leftovers']> {
  const live = replicas.filter(({ url }) => url !== undefined);
  const answers = await Promise.all(
    live.map(async (replica) => {
      const values = await replica.gauges(GAUGES);
      return Array.from(values, ([metric, value]) => ({
        replica: replica.index,
        metric,
        value,
      }));
    }),
  );
  return answers.flat();
}

/** A sentence for each replica that does not become ready after all faults have ended. */
export async function unreadyOf(replicas: readonly CampaignReplica[]): Promise<string[]> {
  const answers = await Promise.all(
    replicas.map((replica) =>
      replica.ready().then(
        () => [],
        (error: Error) => [`replica-${replica.index}: ${error.message}`],
      ),
    ),
  );
  return answers.flat();
}

/** All records on the topics of the run, read without the proxies. */
export async function recordsOf(world: World, prefix: string): Promise<LoggedRecord[]> {
  const over = new AbortController();
  const late = delay(READ_LIMIT_MS, undefined, { signal: over.signal }).then(() => {
    throw new Error(`the topics could not be read within ${READ_LIMIT_MS} ms`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([readTopics(world.directBrokers, prefix), late]);
  } finally {
    over.abort();
  }
}

/**
 * Removes the expected order of events that were delivered after partitions were added: their key may be on another
 * partition since, and Kafka keeps an order only within a partition.
 */
export function endOrdersThatMoved(journal: Journal): void {
  const moved = journal.faults.find(({ name }) => name === 'topic-partitions-added');
  if (!moved) return;
  for (const attempt of journal.attempts) {
    if (endOf(attempt) > moved.from) journal.order.delete(attempt.id);
  }
}
