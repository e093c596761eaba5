import { GeminiError } from '../../gemini/gemini.error.js';
import type { Job } from '../job.js';

/** Time that Gemini has for a submission. Afterwards its outcome is unknown. */
export const SUBMIT_TIMEOUT_MS = 30_000;
/** Lease of a submission. After it, the process that submitted counts as dead or hanging. */
const SUBMISSION_LEASE_MS = SUBMIT_TIMEOUT_MS + 15_000;

/** End of a lease that begins now, Unix ms: `dueAt` of a job that is being submitted. */
export function leaseFrom(now: Date): number {
  return now.getTime() + SUBMISSION_LEASE_MS;
}

/**
 * Throws if too little of the lease is left for the call to Gemini. The process may have been
 * suspended since it stored the job, and another one may have submitted the job again.
 *
 * @throws {GeminiError} `refused`: nothing was sent.
 */
export function assertLeaseHeld({ dueAt = Infinity }: Job): void {
  if (Date.now() > dueAt - SUBMIT_TIMEOUT_MS) {
    throw new GeminiError('the bridge was suspended and sent nothing', 'refused');
  }
}
