/*
 * How a job's life goes on. News can come late, twice and in any order: none of these takes a
 * job back, and what is no news leaves it as it is.
 */
import type { Milestone } from '../events/event-topics.js';
import {
  hasEnded,
  isSupposed,
  type Job,
  type JobError,
  type JobEvent,
  type JobState,
} from './job.js';
import { without } from '../infrastructure/json/json.js';

/** Nothing comes after these. */
const LAST: ReadonlySet<JobState> = new Set([
  'succeeded',
  'failed',
  'cancelled',
  'expired',
]);

/** What may follow what. */
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

/** The job in another state; as it is when the news is old. */
export function withProgress(job: Job, state: JobState, at: Date): Job {
  if (RANK[state] <= RANK[job.state]) return job;
  const next = { ...job, state, updatedAt: at.toISOString() };
  return LAST.has(state) ? markEnded(next, at) : next;
}

/** Nothing comes after this. Kafka is told. */
export function markEnded(job: Job, at: Date): Job {
  if (hasEnded(job)) return job;
  const time = at.toISOString();
  return toTell({ ...without(job, 'dueAt'), endedAt: time, updatedAt: time }, 'ended');
}

/** Gemini has it, whatever anybody believed. Somebody has to look what became of it. */
export function markAccepted(job: Job, at: Date): Job {
  const isOnlyBelieved = hasEnded(job) && (job.error?.retryable || isSupposed(job));
  const isUnsure = !hasEnded(job) && RANK[job.state] === RANK.unknown;
  if (!isOnlyBelieved && !isUnsure) return job;
  const sure: Job = {
    ...without(job, 'error', 'endedAt', 'missingSince'),
    untold: (job.untold ?? []).filter((milestone) => milestone !== 'ended'),
    state: 'submitted',
    updatedAt: at.toISOString(),
    dueAt: at.getTime(),
  };
  return toTell(sure, 'submitted');
}

/** Gemini has taken it, and calls it so. @param lookAt when to ask what became of it, Unix ms. */
export function withName(job: Job, geminiName: string, at: Date, lookAt: number): Job {
  const sure = markAccepted(job, at);
  if (hasEnded(sure)) return { ...sure, geminiName };
  return { ...sure, geminiName, updatedAt: at.toISOString(), dueAt: lookAt };
}

/** An event of the job is on Kafka, maybe for some time. @param state that it announces, if it does. */
export function withEvent(
  job: Job,
  lastEvent: JobEvent,
  geminiName: string | undefined,
  state: JobState | undefined,
): Job {
  const at = new Date(lastEvent.at);
  const name = job.geminiName ?? geminiName;
  const sure: Job = {
    ...markAccepted(job, at),
    ...(name !== undefined && { geminiName: name }),
    ...((job.lastEvent?.at ?? '') <= lastEvent.at && {
      lastEvent,
      updatedAt: lastEvent.at,
    }),
  };
  return state === undefined ? sure : withProgress(sure, state, at);
}

/** Nobody can say whether Gemini took it: that has to be found out. */
export function markUnknown(job: Job, { message }: Error, at: Date): Job {
  if (job.state !== 'submitting') return job;
  const unsure: Job = {
    ...job,
    state: 'unknown',
    isInDoubt: true,
    error: { code: 'outcome-unknown', message },
    updatedAt: at.toISOString(),
    dueAt: at.getTime(),
  };
  return toTell(unsure, 'unknown');
}

/**
 * Gemini has certainly not taken it. Kafka is told where it was told that nobody knows; else
 * only whoever submitted it, who may try again.
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
  return job.isInDoubt ? toTell(failed, 'ended') : failed;
}

/** Submitted once more. What Kafka was not told of the last try is of no interest any more. */
export function markRetried(job: Job, at: Date, leaseUntil: number): Job {
  return {
    ...without(job, 'error', 'endedAt', 'untold', 'tellAt', 'missingSince'),
    state: 'submitting',
    attempts: job.attempts + 1,
    updatedAt: at.toISOString(),
    dueAt: leaseUntil,
  };
}

/** Nobody can find out what became of it, and nobody will look any more. */
export function markGivenUp(job: Job, at: Date): Job {
  return hasEnded(job) ? job : markEnded({ ...job, state: 'unknown' }, at);
}

/** Kafka has been told what was to be told when the job was like that. */
export function withoutPublished(job: Job, then: Job): Job {
  if (!job.untold || job.attempts !== then.attempts) return job;
  const isTold = (milestone: Milestone): boolean =>
    (then.untold?.includes(milestone) ?? false) &&
    (milestone !== 'ended' || job.endedAt === then.endedAt);
  const untold = job.untold.filter((milestone) => !isTold(milestone));
  const rest = isTold('ended')
    ? without(job, 'untold', 'tellAt', 'isInDoubt')
    : without(job, 'untold', 'tellAt');
  return untold.length === 0 ? rest : { ...rest, untold };
}

function toTell(job: Job, milestone: Milestone): Job {
  return { ...job, untold: [...(job.untold ?? []), milestone] };
}
