import { EVENT_FAULTS } from '../events/gemini-event.js';
import type { Metrics } from '../infrastructure/metrics/metrics.js';
import { FOREIGN_REASONS } from './job-matching/job-matcher.js';
import { ANSWER_KINDS, REFUSALS } from './refusals.js';

/** Creates the series of the answers to deliveries and of dead letters, with the value 0. */
export function zeroReceiverSeries(metrics: Metrics): void {
  metrics.zeroSeries(metrics.refusals, 'reason', REFUSALS.keys());
  metrics.zeroSeries(metrics.deadLetters, 'reason', [
    ...EVENT_FAULTS,
    ...FOREIGN_REASONS,
  ]);
  for (const outcome of ANSWER_KINDS) metrics.answerSeconds.zero({ outcome });
}
