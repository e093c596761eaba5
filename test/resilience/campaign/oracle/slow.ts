import type { Attempt, FaultSpan } from '../journal.js';
import { endOf } from '../timeline.js';
import type { Violation } from './evidence.js';
import { violation, type Facts } from './facts.js';

/** For what is not the bridge's: the network, and a machine that others use as well. */
const SLACK_MS = 500;

/** Answers after the ack budget, of replicas that nothing was done to meanwhile. */
export function slowViolations(facts: Facts): Violation[] {
  const { ackBudgetMs, journal } = facts.evidence;
  const stood = journal.faults.filter(({ target }) => target === 'sender');
  const slow = journal.attempts.filter((attempt) => {
    const tookMs = attempt.tookMs - standstillMs(attempt, stood);
    return tookMs > ackBudgetMs + SLACK_MS && !facts.wasFaulted(attempt);
  });
  const slowestMs = Math.round(Math.max(...slow.map(({ tookMs }) => tookMs)));
  return violation(
    'slow',
    slow.map(({ id }) => id),
    `answered later than ${ackBudgetMs} ms + ${SLACK_MS} ms, the slowest after ${slowestMs} ms`,
  );
}

/** How long of the attempt the sender itself could not have read an answer. */
function standstillMs(attempt: Attempt, stood: readonly FaultSpan[]): number {
  let ms = 0;
  for (const { from, to } of stood) {
    ms += Math.max(0, Math.min(to, endOf(attempt)) - Math.max(from, attempt.sentAt));
  }
  return ms;
}
