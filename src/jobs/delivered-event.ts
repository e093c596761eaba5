import type { GeminiEvent } from '../events/gemini-event.js';
import { announcedState } from './event-kinds.js';
import { JOB_KINDS } from './job-kinds.js';
import { withEvent } from './job-lifecycle.js';
import { jobError, type Job } from './job.js';

/** The job after a delivered event of it was published. @param at time of the record in the registry. */
export function withJobEvent(
  job: Job,
  event: Pick<GeminiEvent, 'type' | 'jobName' | 'error'>,
  webhookId: string,
  at: Date,
): Job {
  const { type, jobName = '', error } = event;
  const isName = JOB_KINDS.find(({ name }) => name === job.kind)?.isName(jobName);
  return withEvent(job, {
    event: { type, webhookId, at: at.toISOString() },
    geminiName: isName ? jobName : undefined,
    state: announcedState(event),
    error: error && jobError(error),
  });
}
