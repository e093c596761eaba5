import type { JobError } from './job.js';
import type { Outcome } from '../options.js';

/** Errors of jobs, with gRPC codes. Assumption: an expired or cancelled operation has an error. */
export const JOB_ERRORS = {
  failed: { code: 13, message: 'Internal error encountered.' },
  expired: { code: 4, message: 'The job did not finish in time.' },
  cancelled: { code: 1, message: 'The job was cancelled.' },
} as const satisfies Partial<Record<Outcome, JobError>>;
