import type { JobTask, Job, JobState } from './job.js';

export interface JobQuery {
  readonly state?: JobState;
  readonly kind?: string;
  /** Members that the metadata must have, with their values as text. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Maximum number of jobs. */
  readonly limit: number;
  /** Only jobs that are older than the job with this id. */
  readonly before?: string;
}

/** Jobs, newest first. A page can have fewer than `limit` jobs although more follow. */
export interface JobPage {
  readonly jobs: readonly Job[];
  /** `before` of the next page; undefined at the end. */
  readonly next: string | undefined;
}

/** Answer to the question which job has a name. */
export interface NamedJob {
  readonly job: Job | undefined;
  /** True if no job has the name, but one of the jobs without a name may turn out to have it. */
  readonly mayBeOurs: boolean;
}

/** Figures of all jobs in the registry. */
export interface JobStats {
  /** Number of jobs of each kind and state, including zeros. */
  readonly counts: readonly JobCount[];
  /** Creation of the oldest job that has not ended, Unix ms; undefined if all have ended. */
  readonly oldestOpenAt: number | undefined;
}

export interface JobCount {
  readonly kind: string;
  readonly state: JobState;
  readonly count: number;
}

/** Maximum number of jobs that one page examines, whether they match the query or not. */
export const MAX_SCANNED = 1000;

/**
 * Stores the jobs. Each write is atomic: it stores all of a job, or nothing.
 *
 * All calls reject with `RedisUnavailableError` if the store does not answer. The write may have
 * been done nevertheless, and can be repeated.
 */
export abstract class JobRegistry {
  /**
   * Adds the job, unless the registry has it, or another one with the same `submission.key`.
   *
   * @returns the job that the registry has now.
   */
  abstract add(job: Job): Promise<Job>;

  abstract find(id: string): Promise<Job | undefined>;

  /** @param key `submission.key` of the job. */
  abstract findBySubmission(key: string): Promise<Job | undefined>;

  /** @param geminiName `batches/…` */
  abstract findByName(geminiName: string): Promise<NamedJob>;

  /**
   * Reads, changes and writes a job, with optimistic locking.
   *
   * @param change returns the changed job, or the same object to write nothing. It is called
   *   again if another replica wrote the job meanwhile.
   * @returns the stored job; undefined if there is none.
   */
  abstract updateJob(id: string, change: (job: Job) => Job): Promise<Job | undefined>;

  abstract list(query: JobQuery): Promise<JobPage>;

  /** Jobs whose task is due at `nowMs` (Unix ms), the longest overdue first. */
  abstract findDue(task: JobTask, nowMs: number, limit: number): Promise<readonly Job[]>;

  /** Deletes up to `limit` jobs that ended before `beforeMs`. @returns the number deleted. */
  abstract forgetEnded(beforeMs: number, limit: number): Promise<number>;

  /** The cost does not grow with the number of ended jobs. */
  abstract stats(): Promise<JobStats>;

  /** Takes or renews the lease of the leader. @returns true for one replica at a time. */
  abstract acquireLeadership(leaseMs: number): Promise<boolean>;

  /** Why the store does not answer; undefined while it does. */
  abstract get unready(): string | undefined;
}

/** True if a job has all properties of a query. A store's index covers only one of them. */
export function matches(job: Job, { state, kind, metadata = {} }: JobQuery): boolean {
  if (state !== undefined && job.state !== state) return false;
  if (kind !== undefined && job.kind !== kind) return false;
  return Object.entries(metadata).every(
    ([name, value]) => textOf(job.metadata[name]) === value,
  );
}

/** The value as a query parameter writes it; undefined for objects, arrays and null. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined;
}
