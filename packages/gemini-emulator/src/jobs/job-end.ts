import { JOB_ERRORS } from './job-errors.js';
import type { JobContext } from './job-kind.js';
import { JOB_KINDS } from './job-kinds.js';
import type { Finish, Job, JobError, JobState } from './job.js';
import type { Outcome } from '../options.js';

const STATES: Readonly<Record<Outcome, JobState>> = {
  succeeded: 'SUCCEEDED',
  requires_action: 'REQUIRES_ACTION',
  failed: 'FAILED',
  expired: 'EXPIRED',
  cancelled: 'CANCELLED',
};

/** The state of a job after its end, with results or an error. */
export function endOf(
  job: Job,
  finish: Finish,
  context: JobContext,
): Pick<Job, 'state' | 'results' | 'error'> {
  const { outcome, errorCode, errorMessage } = finish;
  const state = STATES[outcome];
  const errors: Readonly<Partial<Record<Outcome, JobError>>> = JOB_ERRORS;
  const usual = errors[outcome];
  if (!usual) {
    const results = JOB_KINDS[job.kind].results(job, finish, context);
    return { state, results, error: undefined };
  }
  const code = typeof errorCode === 'number' ? errorCode : usual.code;
  const error = { code, message: errorMessage ?? usual.message };
  return { state, results: undefined, error };
}
