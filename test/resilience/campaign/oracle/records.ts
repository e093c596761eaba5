import type { LoggedRecord } from '../../../support/topic-log.js';
import type { Journal } from '../journal.js';
import type { Violation } from './evidence.js';
import { isForged, isTaken, violation, webhookId, type Facts } from './facts.js';

/** Compares the records on Kafka with the deliveries that were sent. */
export function recordViolations(facts: Facts): Violation[] {
  return [...lost(facts), ...changed(facts), ...forged(facts)];
}

function lost(facts: Facts): Violation[] {
  const { journal } = facts.evidence;
  const ids = facts.events.filter((id) => {
    if (!facts.attemptsOf(id).some(isTaken)) return false;
    const scope = journal.scopes.get(id);
    return !facts.recordsOf(id).some(({ headers }) => headers['bridge-scope'] === scope);
  });
  return violation('lost', ids, 'was answered 2xx and has no record on Kafka');
}

function changed(facts: Facts): Violation[] {
  const { journal, records } = facts.evidence;
  const genuine = records.filter((record) => journal.bodies.has(webhookId(record)));
  return Object.entries(DIFFERENCES).flatMap(([what, differs]) =>
    violation(
      'changed',
      genuine.filter((record) => differs(record, journal)).map(webhookId),
      `has a record with another ${what} than the delivery's`,
    ),
  );
}

/** True if the record differs from its delivery. */
type Differs = (record: LoggedRecord, journal: Journal) => boolean;

const DIFFERENCES: Record<string, Differs> = {
  value: (record, { bodies }) => !bodies.get(webhookId(record))?.equals(record.value),
  topic: (record, { topics }) => topics.get(webhookId(record)) !== record.topic,
  key: (record, { keys }) => keys.get(webhookId(record)) !== record.key,
  scope: (record, { scopes }) =>
    scopes.get(webhookId(record)) !== record.headers['bridge-scope'],
};

function forged(facts: Facts): Violation[] {
  const { attempts, bodies } = facts.evidence.journal;
  const strange = facts.evidence.records
    .map(webhookId)
    .filter((id) => !bodies.has(id) && !isExcused(id, facts));
  const taken = attempts
    .filter((attempt) => attempt.kind === 'forgery' && isTaken(attempt))
    .map(({ id }) => id)
    .filter((id) => !isExcused(id, facts));
  return [
    ...violation('forged', strange, 'is on Kafka and was never sent with a valid proof'),
    ...violation('forged', taken, 'is a forgery and was answered 2xx'),
  ];
}

/** True for a stale delivery to a replica whose clock was behind, which takes it for fresh. */
function isExcused(id: string, facts: Facts): boolean {
  if (!isForged(id) || !id.includes('stale')) return false;
  return facts.attemptsOf(id).some((attempt) => facts.hadWrongClock(attempt));
}
