import type { Milestone } from '../events/event-topics.js';
import type { Json } from '../infrastructure/json/json.js';

/**
 * Where a job is in its life.
 *
 * `submitting → submitted → running → succeeded | failed | cancelled | expired`, or `unknown`:
 * Gemini did not say whether it took the job. That is found out (it becomes `submitted`, or
 * `failed`), and only where it cannot be does it stay so.
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

/** A job that was submitted through the bridge. Times are RFC 3339. */
export interface Job {
  /** Sorts by the time of creation. */
  readonly id: string;
  readonly kind: string;
  readonly state: JobState;
  readonly correlationId: string;
  readonly metadata: Json;
  /** Whose webhook tells of its end: one of its own, or the project's static ones. */
  readonly announcedBy: 'job' | 'static';
  /** Without `models/`; undefined for a kind that has none. */
  readonly model?: string;
  /** Submissions tried. */
  readonly attempts: number;
  /** `batches/…`, once Gemini has given it a name. */
  readonly geminiName?: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  /** When its last state was reached. */
  readonly endedAt?: string;
  readonly progress?: JobProgress;
  /** `files/…` with the results, where they are in a file. */
  readonly outputFile?: string;
  readonly lastEvent?: JobEvent;
  /** Why it failed, or could not be submitted. */
  readonly error?: JobError;
  /** W3C trace context of its submission, which all that is told of it goes on from. */
  readonly traceparent?: string;
  /** The submission that it answers; hashes. */
  readonly submission?: { readonly key: string; readonly body: string };
  /** When somebody has to look after it again, Unix ms; what that means its duties say. */
  readonly dueAt?: number;
  /** What Kafka is still to be told of its life. */
  readonly untold?: readonly Milestone[];
  /** When that is to be tried again, Unix ms; without it at once. */
  readonly tellAt?: number;
  /** Kafka may have heard that nobody knows whether Gemini took it, and nothing since. */
  readonly isInDoubt?: boolean;
  /** Since when Gemini says that it does not know it, Unix ms. */
  readonly missingSince?: number;
}

export interface JobProgress {
  readonly total?: number;
  readonly succeeded?: number;
  readonly failed?: number;
  readonly pending?: number;
}

export interface JobEvent {
  readonly type: string;
  readonly webhookId: string;
  readonly at: string;
}

export interface JobError {
  readonly code: string;
  readonly message: string;
  /** Certainly not taken by Gemini, and worth another try as it is. */
  readonly retryable?: boolean;
}

/** For people, and of any length where it comes from. */
const MAX_MESSAGE_LENGTH = 500;

/** What Gemini says went wrong. */
export function geminiFault({
  code = '',
  message = '',
}: {
  readonly code?: string | number | undefined;
  readonly message?: string | undefined;
}): JobError {
  return {
    code: String(code).slice(0, 64),
    message: message.slice(0, MAX_MESSAGE_LENGTH),
  };
}

export function hasEnded({ endedAt }: Job): boolean {
  return endedAt !== undefined;
}

/** What a static webhook tells of an unknown name may be about this one. */
export function isUnnamed(job: Job): boolean {
  const { announcedBy, geminiName } = job;
  const isOpen = !hasEnded(job) || isSupposed(job);
  return announcedBy === 'static' && geminiName === undefined && isOpen;
}

/** What the bridge says of a job that it did not find at Gemini. */
export const NOT_TAKEN = 'not-taken';
export const GONE = 'gone';

/** Over only as far as the bridge could find out: an event of it says otherwise. */
export function isSupposed({ state, error }: Job): boolean {
  return state === 'unknown' || error?.code === NOT_TAKEN || error?.code === GONE;
}

/**
 * What somebody has to do for a job, each kind of work in a queue of its own: what is held up in
 * one must not hold up the others.
 *
 * - `tell`: Kafka does not know all of its life.
 * - `release`: whoever submits it has not said what became of that, when the lease ends.
 * - `find`: Gemini may have it under a name that nobody knows.
 * - `look`: Gemini may have ended it without anybody being told.
 */
export type JobTask = 'tell' | 'release' | 'find' | 'look';

/** When each is due, Unix ms. */
export function tasksOf(job: Job): Partial<Record<JobTask, number>> {
  const { untold, tellAt = 0, dueAt } = job;
  const open = hasEnded(job) ? undefined : openDuty(job);
  return {
    ...(untold && { tell: tellAt }),
    ...(open && dueAt !== undefined && { [open]: dueAt }),
  };
}

function openDuty({ state, geminiName }: Job): JobTask {
  if (state === 'submitting') return 'release';
  return geminiName === undefined ? 'find' : 'look';
}
