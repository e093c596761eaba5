import { grouped } from '../../../support/grouped.js';
import { REFUSALS } from '../../../../src/receiver/refusals.js';
import type { Attempt } from '../journal.js';
import type { Violation } from './evidence.js';
import { isForged, isTaken, violation, type Facts } from './facts.js';

/** Least time between two of the bridge's requests for Google's keys. */
const JWKS_COOLDOWN_MS = 30_000;
const TAKEN = ['published', 'duplicate'];

/** Compares the answers to Gemini with docs/reference/webhooks.md, and finds ids that were never accepted. */
export function answerViolations(facts: Facts): Violation[] {
  return [...wrongAnswers(facts), ...notTaken(facts)];
}

function wrongAnswers(facts: Facts): Violation[] {
  const wrong = facts.evidence.journal.attempts.filter((a) => isWrong(a, facts));
  const byAnswer = grouped(wrong, ({ status, reason }) => `${status} ${reason}`);
  return Array.from(byAnswer).flatMap(([answer, attempts]) =>
    violation(
      'status',
      attempts.map(({ id }) => id),
      `answered "${answer}", which docs/reference/webhooks.md does not have for it`,
    ),
  );
}

function isWrong(attempt: Attempt, facts: Facts): boolean {
  const { id, status, reason } = attempt;
  if (status === 0) return false;
  if (isTaken(attempt)) return status !== 200 || !TAKEN.includes(reason);
  if (REFUSALS.get(reason)?.status !== status) return true;
  if (status === 503 || isForged(id)) return false;
  if (reason === 'timestamp-stale') return !facts.hadWrongClock(attempt);
  return !(reason === 'signature-mismatch' && isSignedAnew(attempt, facts));
}

/** True if it was signed with a key so new that the bridge may not ask for it yet. */
function isSignedAnew({ route, sentAt }: Attempt, { evidence }: Facts): boolean {
  if (route !== 'job') return false;
  return evidence.journal.faults.some(
    ({ name, from, to }) =>
      name === 'jwks-rotated' && sentAt >= from && sentAt <= to + JWKS_COOLDOWN_MS,
  );
}

function notTaken(facts: Facts): Violation[] {
  const untaken = facts.events.filter((id) => !facts.attemptsOf(id).some(isTaken));
  const ids = new Set([...facts.evidence.notTaken, ...untaken]);
  return violation('not-taken', Array.from(ids), 'refused until the end of the run');
}
