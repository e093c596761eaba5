import type { PublishFault } from '../event-publisher.js';
import { failureOf, type KafkaFailure } from './kafka-failure.js';
import type { PartitionBatch } from './partition-batch.js';

/** The pause of a broker's queue after the broker failed, in ms. */
export const BROKER_PAUSE_MS = 500;

const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 1000;

/** The pauses between repeats of one partition's batch, in ms. */
export function* backoffs(): Generator<number, never> {
  for (let pause = FIRST_BACKOFF_MS; ; pause = Math.min(pause * 2, MAX_BACKOFF_MS)) {
    yield pause;
  }
}

/** The next step for a batch after a failed attempt. */
export type NextStep =
  | { readonly step: 'acknowledge' } // an earlier attempt was written
  | { readonly step: 'requeue' } // the broker failed: back to the queue of the current leader
  | { readonly step: 'repeat' } // the partition cannot be written now: the same batch again
  | { readonly step: 'split' } // too large together: record by record
  | { readonly step: 'withdraw'; readonly fault: PublishFault } // no broker has the records
  | { readonly step: 'give-up'; readonly fault: PublishFault }; // a broker may have them

const NEXT_STEPS: Readonly<Record<KafkaFailure, NextStep>> = {
  appended: { step: 'acknowledge' },
  broker: { step: 'requeue' },
  partition: { step: 'repeat' },
  'too-large': { step: 'give-up', fault: 'refused' },
  refused: { step: 'give-up', fault: 'refused' },
  expired: { step: 'give-up', fault: 'claim-lapsed' },
  fatal: { step: 'give-up', fault: 'producer-fatal' },
};

/** True for an error after which the whole request waits for the broker or its successor. */
export function isBrokerFailure(error: unknown): boolean {
  return failureOf(error) === 'broker';
}

/** The next step for a batch that was sent by itself, after its attempt failed. */
export function nextStep(batch: PartitionBatch, error: unknown): NextStep {
  const failure = failureOf(error);
  if (failure === 'too-large' && batch.records.length > 1) return { step: 'split' };
  if (failure === 'expired' && !batch.maybeSent) {
    return { step: 'withdraw', fault: 'claim-lapsed' };
  }
  return NEXT_STEPS[failure];
}
