import type { Attempt, FaultSpan } from '../journal.js';
import { endOf } from '../timeline.js';
import type { Violation } from './evidence.js';
import { violation, type Facts } from './facts.js';

/** Allowance for the network and for other work of the machine, in ms. */
const SLACK_MS = 500;

/** Finds answers after the ack budget from replicas without a fault. */
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
    `was answered later than ${ackBudgetMs} ms + ${SLACK_MS} ms, the slowest after ${slowestMs} ms`,
  );
}

/** Part of the attempt in which the sender's own process stood still and could not read an answer, in ms. */
function standstillMs(attempt: Attempt, stood: readonly FaultSpan[]): number {
  let ms = 0;
  for (const { from, to } of stood) {
    ms += Math.max(0, Math.min(to, endOf(attempt)) - Math.max(from, attempt.sentAt));
  }
  return ms;
}
