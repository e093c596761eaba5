/*
 * Transitions of a job. News arrives late, twice and in any order, so no transition takes a job
 * back, and one that says nothing new returns the job unchanged.
 */
import type { Milestone } from '../events/event-topics.js';
import {
  hasEnded,
  isEndAssumed,
  type Job,
  type JobError,
  type JobEvent,
  type JobState,
} from './job.js';
import { without } from '../infrastructure/json/json.js';

const FINAL_STATES: ReadonlySet<JobState> = new Set([
  'succeeded',
  'failed',
  'cancelled',
  'expired',
]);

/** A job only moves to a state of a higher rank. */
const RANK: Readonly<Record<JobState, number>> = {
  submitting: 0,
  unknown: 0,
  submitted: 1,
  running: 2,
  succeeded: 3,
  failed: 3,
  cancelled: 3,
  expired: 3,
};

/** Moves the job to a state, or leaves it if it is already there or further. */
export function withProgress(job: Job, state: JobState, at: Date): Job {
  if (RANK[state] <= RANK[job.state]) return job;
  const next = { ...job, state, updatedAt: at.toISOString() };
  return FINAL_STATES.has(state) ? markEnded(next, at) : next;
}

/** Ends the job in the state that it has, and queues the milestone `ended`. */
export function markEnded(job: Job, at: Date): Job {
  if (hasEnded(job)) return job;
  const time = at.toISOString();
  return withMilestone(
    { ...without(job, 'dueAt'), endedAt: time, updatedAt: time },
    'ended',
  );
}

/**
 * Gemini has the job. Moves an unconfirmed job to `submitted`, and reopens one whose end the
 * bridge only assumed. It is due for a poll at once.
 */
export function markAccepted(job: Job, at: Date): Job {
  const isAssumed = hasEnded(job) && (job.error?.retryable || isEndAssumed(job));
  const isUnconfirmed = !hasEnded(job) && RANK[job.state] === RANK.unknown;
  if (!isAssumed && !isUnconfirmed) return job;
  const accepted: Job = {
    ...without(job, 'error', 'endedAt', 'missingSince'),
    untold: (job.untold ?? []).filter((milestone) => milestone !== 'ended'),
    state: 'submitted',
    updatedAt: at.toISOString(),
    dueAt: at.getTime(),
  };
  return withMilestone(accepted, 'submitted');
}

/** Gemini has accepted the job and named it. @param pollAt Unix ms of the first poll. */
export function withName(job: Job, geminiName: string, at: Date, pollAt: number): Job {
  const accepted = markAccepted(job, at);
  if (hasEnded(accepted)) return { ...accepted, geminiName };
  return { ...accepted, geminiName, updatedAt: at.toISOString(), dueAt: pollAt };
}

/** The state and results that an event reports of its job. */
export interface JobNews {
  readonly event: JobEvent;
  /** The job's name, if the event has one that its kind can have. */
  readonly geminiName: string | undefined;
  /** The state that the event announces; undefined if others follow it. */
  readonly state: JobState | undefined;
  readonly error: JobError | undefined;
}

/** A delivered event of the job is on Kafka, possibly for some time. */
export function withEvent(job: Job, { event, geminiName, state, error }: JobNews): Job {
  const at = new Date(event.at);
  const name = job.geminiName ?? geminiName;
  const named: Job = {
    ...markAccepted(job, at),
    ...(name !== undefined && { geminiName: name }),
  };
  const accepted: Job = isNewsFor(job, event)
    ? { ...without(named, 'reconciled'), lastEvent: event, updatedAt: event.at }
    : named;
  if (state === undefined) return accepted;
  const ended = withProgress(accepted, state, at);
  return error && ended.state === state ? withError(ended, error) : ended;
}

/** A late delivery of an event that the bridge published after a poll is a duplicate of it. */
function isNewsFor({ lastEvent, reconciled = false }: Job, event: JobEvent): boolean {
  if (reconciled && lastEvent?.type === event.type) return false;
  return (lastEvent?.at ?? '') <= event.at;
}

/** The bridge published the event of a polled state. */
export function withReconciledEvent(job: Job, lastEvent: JobEvent): Job {
  return job.reconciled ? job : { ...job, lastEvent, reconciled: true };
}

/** Adds the error of a job that did not succeed, unless it has one. */
export function withError(job: Job, error: JobError): Job {
  return job.error || job.state === 'succeeded' ? job : { ...job, error };
}

/** The submission has no outcome. Marks the job `unknown`; `SubmissionRecovery` resolves it later. */
export function markUnknown(job: Job, { message }: Error, at: Date): Job {
  if (job.state !== 'submitting') return job;
  const unknown: Job = {
    ...job,
    state: 'unknown',
    isInDoubt: true,
    error: { code: 'outcome-unknown', message },
    updatedAt: at.toISOString(),
    dueAt: at.getTime(),
  };
  return withMilestone(unknown, 'unknown');
}

/**
 * Gemini certainly did not accept the job. The milestone `ended` follows only if Kafka may have
 * `unknown`; otherwise the answer to the submission is enough.
 */
export function markNotAccepted(job: Job, error: JobError, at: Date): Job {
  if (hasEnded(job) || RANK[job.state] !== RANK.unknown) return job;
  const failed: Job = {
    ...without(job, 'dueAt'),
    state: 'failed',
    error,
    updatedAt: at.toISOString(),
    endedAt: at.toISOString(),
  };
  return job.isInDoubt ? withMilestone(failed, 'ended') : failed;
}

/**
 * The job is submitted again. Unpublished milestones of the previous attempt are dropped.
 *
 * @param leaseUntil Unix ms after which the attempt counts as unanswered.
 */
export function markRetried(job: Job, at: Date, leaseUntil: number): Job {
  return {
    ...without(job, 'error', 'endedAt', 'untold', 'tellAt', 'missingSince'),
    state: 'submitting',
    attempts: job.attempts + 1,
    updatedAt: at.toISOString(),
    dueAt: leaseUntil,
  };
}

/** Ends an open job as `unknown`: the bridge searches no longer. */
export function markGivenUp(job: Job, at: Date): Job {
  return hasEnded(job) ? job : markEnded({ ...job, state: 'unknown' }, at);
}

/** Removes milestones that are on Kafka now. @param published the job when they were published. */
export function withoutPublished(job: Job, published: Job): Job {
  if (!job.untold || job.attempts !== published.attempts) return job;
  const isPublished = (milestone: Milestone): boolean =>
    (published.untold?.includes(milestone) ?? false) &&
    (milestone !== 'ended' || job.endedAt === published.endedAt);
  const untold = job.untold.filter((milestone) => !isPublished(milestone));
  const rest = isPublished('ended')
    ? without(job, 'untold', 'tellAt', 'isInDoubt')
    : without(job, 'untold', 'tellAt');
  return untold.length === 0 ? rest : { ...rest, untold };
}

function withMilestone(job: Job, milestone: Milestone): Job {
  return { ...job, untold: [...(job.untold ?? []), milestone] };
}
