import type { JobTask, Job, JobState } from './job.js';

export interface JobQuery {
  readonly state?: JobState;
  readonly kind?: string;
  /** Members that the metadata must have, with these values. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** At most so many jobs. */
  readonly limit: number;
  /** Jobs older than the one with this id. */
  readonly before?: string;
}

/** Newest first. There may be fewer than asked for although more follow. */
export interface JobPage {
  readonly jobs: readonly Job[];
  /** Where the next page begins; undefined at the end. */
  readonly next: string | undefined;
}

/** What is known of a job that somebody else tells of. */
export interface NamedJob {
  readonly job: Job | undefined;
  /** It may be ours all the same: a job without a name yet, whose end a static webhook tells. */
  readonly mayBeOurs: boolean;
}

/** A page looks at so many jobs at most, whether they match or not. */
export const MAX_SCANNED = 1000;

/**
 * The jobs that are ours. A job is never half there: each call writes all of it, or nothing.
 *
 * All calls reject with `RedisUnavailableError` when the store does not answer; whether a
 * write that did so was done is then not known, and it can be repeated.
 */
export abstract class JobRegistry {
  /**
   * Adds the job, unless there is one for the same `submission.key`, or the same job already.
   *
   * @returns the one that is there now.
   */
  abstract add(job: Job): Promise<Job>;

  abstract find(id: string): Promise<Job | undefined>;

  /** @param key of a submission that it answers. */
  abstract findBySubmission(key: string): Promise<Job | undefined>;

  /** @param geminiName `batches/…` */
  abstract findByName(geminiName: string): Promise<NamedJob>;

  /**
   * Reads, changes and writes a job; again when somebody else wrote it meanwhile, so that
   * `change` may be called more than once.
   *
   * @param change the job as it is to be, or the same to leave it.
   * @returns what stands there now; undefined when there is no such job.
   */
  abstract updateJob(id: string, change: (job: Job) => Job): Promise<Job | undefined>;

  abstract list(query: JobQuery): Promise<JobPage>;

  /** Jobs for which that has to be done, those waiting longest first. */
  abstract due(duty: JobTask, nowMs: number, limit: number): Promise<readonly Job[]>;

  /** Forgets jobs that ended before, so many at most. @returns how many. */
  abstract forgetEnded(beforeMs: number, limit: number): Promise<number>;

  /** True for one replica at a time, for so long from now. */
  abstract acquireLeadership(leaseMs: number): Promise<boolean>;

  /** Undefined while the store answers, else why it does not. */
  abstract get unready(): string | undefined;
}

/** The rest of a query, for stores that find by one property. */
export function matches(job: Job, { state, kind, metadata = {} }: JobQuery): boolean {
  if (state !== undefined && job.state !== state) return false;
  if (kind !== undefined && job.kind !== kind) return false;
  return Object.entries(metadata).every(
    ([name, value]) => textOf(job.metadata[name]) === value,
  );
}

/** As it would be written in a URL. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined;
}
