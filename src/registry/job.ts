import type { Milestone } from '../event/event-topics.js';
import type { Json } from './json.js';

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
  /** The submission that it answers; hashes. */
  readonly submission?: { readonly key: string; readonly body: string };
  /** When somebody has to look at it again, Unix ms; without it nobody has to. */
  readonly dueAt?: number;
  /** What Kafka is still to be told of its life. */
  readonly untold?: readonly Milestone[];
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

/** Nothing comes after these. */
const LAST: ReadonlySet<JobState> = new Set([
  'succeeded',
  'failed',
  'cancelled',
  'expired',
]);

export function isOver({ endedAt }: Job): boolean {
  return endedAt !== undefined;
}

/** What may follow what: news can come late and in any order, and never takes a job back. */
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

/** The job in another state, at that time; as it is when the news is old. */
export function advanced(job: Job, state: JobState, at: Date): Job {
  const isLost = job.state === 'submitting' && state === 'unknown';
  if (RANK[state] <= RANK[job.state] && !isLost) return job;
  const next = { ...job, state };
  return LAST.has(state) && !isOver(job) ? ended(next, at) : next;
}

/** Nothing comes after this. Kafka is told once, however often it is said. */
export function ended(job: Job, at: Date): Job {
  const untold = [...(job.untold ?? []), 'ended' as const];
  return { ...job, endedAt: at.toISOString(), untold, dueAt: at.getTime() };
}

/** What a static webhook tells of an unknown name may be about this one. */
export function isUnnamed(job: Job): boolean {
  return job.announcedBy === 'static' && job.geminiName === undefined && !isOver(job);
}
