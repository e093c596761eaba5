import type { Job } from '../registry/job.js';
import { without } from '../registry/json.js';

export type JobView = Omit<Job, 'submission' | 'dueAt' | 'untold'>;

/** A job as callers see it: without what only the bridge needs. */
export function viewOf(job: Job): JobView {
  return without(job, 'submission', 'dueAt', 'untold');
}
