import type { Attempt } from '../journal.js';
import { endOf } from '../timeline.js';
import type { Doubled, Evidence, Excuse, Violation } from './evidence.js';
import { isTaken, overlap, violation, type Facts } from './facts.js';

/** The ids with more than one record, each with its excuse. */
export function doubledOf(facts: Facts): Doubled[] {
  const excuses = validExcuses(facts.evidence);
  return facts.events
    .filter((id) => facts.recordsOf(id).length > 1)
    .map((id) => {
      const attempts = facts.attemptsOf(id);
      const excuse = excuses.find((candidate) => covers(candidate, attempts));
      const copies = facts.recordsOf(id).length;
      return { id, copies, ...(excuse && { excuse: excuse.name }) };
    });
}

export function doubledViolations(doubled: readonly Doubled[]): Violation[] {
  const ids = doubled.filter(({ excuse }) => excuse === undefined).map(({ id }) => id);
  return violation(
    'doubled',
    ids,
    'has several records, and no documented case excuses it',
  );
}

/** With the store `log` Kafka itself has the published ids, so only a wrong clock makes the bridge forget one. */
function validExcuses({ store, excuses }: Evidence): readonly Excuse[] {
  return store === 'log' ? excuses.filter(({ name }) => name === 'clock') : excuses;
}

function covers(excuse: Excuse, attempts: readonly Attempt[]): boolean {
  if (attempts.some((attempt) => overlap(openTime(attempt, attempts), excuse)))
    return true;
  return excuse.forgets === true && straddles(attempts, excuse);
}

/**
 * The time in which an attempt may have written a record: until its answer of 2xx, or else until the answer of the
 * attempt that was answered 2xx.
 */
function openTime(attempt: Attempt, attempts: readonly Attempt[]) {
  const from = attempt.sentAt;
  const ends = attempts
    .filter((other) => isTaken(other) && endOf(other) >= endOf(attempt))
    .map(endOf);
  return { from, to: Math.min(...ends) };
}

function straddles(attempts: readonly Attempt[], { from, to }: Excuse): boolean {
  return (
    attempts.some(({ sentAt }) => sentAt <= to) &&
    attempts.some((attempt) => endOf(attempt) >= from)
  );
}
