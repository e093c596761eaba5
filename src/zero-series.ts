import { AUTH_FAULTS } from './internal-api/auth/auth.error.js';
import { FOREIGN_REASONS } from './receiver/job-matching/job-matcher.js';
import type { Config } from './config/config.js';
import { EVENT_FAULTS } from './events/gemini-event.js';
import { topicNames } from './events/event-topics.js';
import { JOB_KINDS } from './jobs/job-kinds.js';
import { ANSWER_KINDS, REFUSALS } from './receiver/refusals.js';
import type { Metrics } from './infrastructure/metrics/metrics.js';

/**
 * Creates every series with the value 0. `rate()` and `increase()` ignore the first value of a new
 * series, so after each restart alerts would miss the first event of each kind.
 */
export function zeroSeries(metrics: Metrics, { topics }: Config): void {
  for (const topic of topicNames(topics.prefix)) metrics.accepted.inc({ topic }, 0);
  for (const reason of REFUSALS.keys()) metrics.refusals.inc({ reason }, 0);
  for (const reason of [...EVENT_FAULTS, ...FOREIGN_REASONS]) {
    metrics.deadLetters.inc({ reason }, 0);
  }
  for (const { name } of JOB_KINDS) metrics.reconciled.inc({ kind: name }, 0);
  for (const reason of AUTH_FAULTS) metrics.apiRefusals.inc({ reason }, 0);
  for (const outcome of ANSWER_KINDS) metrics.answerSeconds.zero({ outcome });
}
