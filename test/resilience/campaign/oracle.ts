/**
 * Judges a run of the campaign: compares the bridge's promises to Gemini and to subscribers with the journal and
 * Kafka's records. Of the bridge's code it uses only the table of answers.
 */
import { answerViolations } from './oracle/answers.js';
import { countsOf } from './oracle/counts.js';
import { doubledOf, doubledViolations } from './oracle/doubled.js';
import type { Evidence, Verdict } from './oracle/evidence.js';
import { Facts } from './oracle/facts.js';
import { orderViolations } from './oracle/order.js';
import { recordViolations } from './oracle/records.js';
import { leftoverViolations, memoryViolations } from './oracle/resources.js';
import { slowViolations } from './oracle/slow.js';

export type { Evidence, Excuse, Verdict, Violation } from './oracle/evidence.js';

export function judge(evidence: Evidence): Verdict {
  const facts = new Facts(evidence);
  const doubled = doubledOf(facts);
  return {
    violations: [
      ...recordViolations(facts),
      ...doubledViolations(doubled),
      ...orderViolations(facts),
      ...answerViolations(facts),
      ...slowViolations(facts),
      ...memoryViolations(evidence.memory),
      ...leftoverViolations(evidence.leftovers),
    ],
    doubled,
    counts: countsOf(facts, doubled),
  };
}
