import type { JobError } from './job.js';
import type { Outcome } from '../options.js';

/** gRPC codes. Assumption: that an expired or cancelled operation carries an error at all. */
export const JOB_ERRORS = {
  failed: { code: 13, message: 'Internal error encountered.' },
  expired: { code: 4, message: 'The job did not finish in time.' },
  cancelled: { code: 1, message: 'The job was cancelled.' },
} as const satisfies Partial<Record<Outcome, JobError>>;
