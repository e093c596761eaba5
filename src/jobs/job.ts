import type { Milestone } from '../events/event-topics.js';
import type { Json } from '../infrastructure/json/json.js';

/**
 * States of a job: `submitting → submitted → running → succeeded | failed | cancelled | expired`.
 *
 * `unknown` means that Gemini did not confirm the submission. `SubmissionRecovery` resolves it
 * to `submitted` or `failed`. A job that it cannot resolve stays `unknown`.
 */
export const JOB_STATES = [
  'submitting',
  'unknown',
  'submitted',
  'running',
  'succeeded',
  'failed',
  'cancelled',
  'expired',
] as const;

export type JobState = (typeof JOB_STATES)[number];

/** States that an open job can have. A job that was given up is `unknown`, too, and has ended. */
export const OPEN_STATES = ['submitting', 'unknown', 'submitted', 'running'] as const;

/**
 * A job that was submitted through the bridge, as the registry stores it. Times are RFC 3339
 * unless they say Unix ms. Replicas of the next version read it too, so names of members stay.
 */
export interface Job {
  /** UUID version 7: ids sort by the time of creation. */
  readonly id: string;
  readonly kind: string;
  readonly state: JobState;
  readonly correlationId: string;
  readonly metadata: Json;
  /** The webhook that brings the job's event: the job's own (`job`) or the project's (`static`). */
  readonly announcedBy: 'job' | 'static';
  /** Without `models/`; absent for interactions. */
  readonly model?: string;
  /** Number of submissions. */
  readonly attempts: number;
  /** Name at Gemini, `batches/…`; absent until Gemini has given one. */
  readonly geminiName?: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  /** Time of the final state. */
  readonly endedAt?: string;
  readonly progress?: JobProgress;
  /** File with the results, `files/…`; absent if the results are not in a file. */
  readonly outputFile?: string;
  readonly lastEvent?: JobEvent;
  /** True if `lastEvent` was published after a poll, because no delivery of it was accepted. */
  readonly reconciled?: boolean;
  /** Reason of a failure, of the job or of its submission. */
  readonly error?: JobError;
  /** W3C trace context of the submission. The records of the job continue this trace. */
  readonly traceparent?: string;
  /** Idempotency: hash of caller and `Idempotency-Key`, and hash of the order. */
  readonly submission?: { readonly key: string; readonly body: string };
  /** Unix ms at which the open job's task is due; `tasksOf` says which task. */
  readonly dueAt?: number;
  /** Milestones that are not on Kafka yet, in their order. */
  readonly untold?: readonly Milestone[];
  /** Unix ms of the next try to publish `untold`; absent: now. */
  readonly tellAt?: number;
  /** True from the milestone `unknown` until `ended` is on Kafka. */
  readonly isInDoubt?: boolean;
  /** Unix ms of the first of the 404s in a row that Gemini answered for this job. */
  readonly missingSince?: number;
}

export interface JobProgress {
  readonly total?: number;
  readonly succeeded?: number;
  readonly failed?: number;
  readonly pending?: number;
}

/** An event of the job that is on Kafka. */
export interface JobEvent {
  readonly type: string;
  readonly webhookId: string;
  /** Time at which the bridge recorded that it is on Kafka. */
  readonly at: string;
}

export interface JobError {
  readonly code: string;
  readonly message: string;
  /** True if Gemini certainly did not accept the job, so that it can be submitted again. */
  readonly retryable?: boolean;
}

const MAX_CODE_LENGTH = 64;
const MAX_MESSAGE_LENGTH = 500;

/** Gemini's error, cut to a length that every record and answer has room for. */
export function jobError({
  code = '',
  message = '',
}: {
  readonly code?: string | number | undefined;
  readonly message?: string | undefined;
}): JobError {
  return {
    code: String(code).slice(0, MAX_CODE_LENGTH),
    message: message.slice(0, MAX_MESSAGE_LENGTH),
  };
}

export function hasEnded({ endedAt }: Job): boolean {
  return endedAt !== undefined;
}

/** True if an event of a static webhook with an unknown name can be about this job. */
export function isUnnamed(job: Job): boolean {
  const { announcedBy, geminiName } = job;
  const isOpen = !hasEnded(job) || isEndAssumed(job);
  return announcedBy === 'static' && geminiName === undefined && isOpen;
}

/** Error codes of jobs that the bridge did not find at Gemini. Stored and part of the API. */
export const NOT_TAKEN = 'not-taken';
export const GONE = 'gone';

/** True if the bridge ended the job because it did not find it at Gemini. An event reopens it. */
export function isEndAssumed({ state, error }: Job): boolean {
  return state === 'unknown' || error?.code === NOT_TAKEN || error?.code === GONE;
}

/**
 * Work that is due for a job. Each task has a queue of its own, so that a slow one does not hold
 * up the others. The values are part of Redis keys (`jobs:due:<task>`).
 *
 * - `tell`: publish the milestones that Kafka does not have (`LifecyclePublisher`).
 * - `release`: end the lease of a submission whose process gave no outcome (`SubmissionRecovery`).
 * - `find`: search Gemini's list for a job without a name (`SubmissionRecovery`).
 * - `look`: poll Gemini for the state of the job (`StatusPoller`).
 */
export type JobTask = 'tell' | 'release' | 'find' | 'look';

/** The tasks of a job, each with the Unix ms at which it is due. */
export function tasksOf(job: Job): Partial<Record<JobTask, number>> {
  const { untold, tellAt = 0, dueAt } = job;
  const open = hasEnded(job) ? undefined : openTask(job);
  return {
    ...(untold && { tell: tellAt }),
    ...(open && dueAt !== undefined && { [open]: dueAt }),
  };
}

function openTask({ state, geminiName }: Job): JobTask {
  if (state === 'submitting') return 'release';
  return geminiName === undefined ? 'find' : 'look';
}
