import {
  JobRegistry,
  matches,
  MAX_SCANNED,
  type JobPage,
  type JobQuery,
  type JobStats,
  type NamedJob,
} from '../job-registry.js';
import { JOB_KINDS } from '../job-kinds.js';
import {
  hasEnded,
  isUnnamed,
  JOB_STATES,
  tasksOf,
  type Job,
  type JobTask,
} from '../job.js';

/** The oldest jobs are dropped beyond this. Their events still have a correlation id, from the URL. */
const MAX_JOBS = 100_000;

/** Job registry in memory, for one replica. A restart loses it. */
export class MemoryJobRegistry extends JobRegistry {
  /** Ordered by id, because jobs are added in that order. */
  private readonly jobs = new Map<string, Job>();
  private readonly idsByName = new Map<string, string>();
  private readonly idsBySubmission = new Map<string, string>();
  /** Ids of jobs for which `isUnnamed` is true. */
  private readonly unnamed = new Set<string>();
  private readonly open = new Set<string>();
  /** Numbers of jobs by `countKey`. */
  private readonly counts = new Map<string, number>();
  /** Unix ms at which each job's task is due. */
  private readonly dueAt: Readonly<Record<JobTask, Map<string, number>>> = {
    tell: new Map(),
    release: new Map(),
    find: new Map(),
    look: new Map(),
  };

  constructor(private readonly max = MAX_JOBS) {
    super();
  }

  override add(job: Job): Promise<Job> {
    const key = job.submission?.key;
    const known = key === undefined ? undefined : this.idsBySubmission.get(key);
    const earlier = known === undefined ? undefined : this.jobs.get(known);
    if (earlier) return Promise.resolve(earlier);
    const same = this.jobs.get(job.id);
    if (same) return Promise.resolve(same);
    if (key !== undefined) this.idsBySubmission.set(key, job.id);
    this.put(job);
    for (const oldest of this.jobs.values()) {
      if (this.jobs.size <= this.max) break;
      this.forget(oldest);
    }
    return Promise.resolve(job);
  }

  override find(id: string): Promise<Job | undefined> {
    return Promise.resolve(this.jobs.get(id));
  }

  override findBySubmission(key: string): Promise<Job | undefined> {
    const id = this.idsBySubmission.get(key);
    return Promise.resolve(id === undefined ? undefined : this.jobs.get(id));
  }

  override findByName(geminiName: string): Promise<NamedJob> {
    const id = this.idsByName.get(geminiName);
    const job = id === undefined ? undefined : this.jobs.get(id);
    return Promise.resolve({ job, mayBeOurs: !job && this.unnamed.size > 0 });
  }

  override updateJob(id: string, change: (job: Job) => Job): Promise<Job | undefined> {
    const job = this.jobs.get(id);
    if (!job) return Promise.resolve(undefined);
    const changed = change(job);
    if (changed !== job) this.put(changed);
    return Promise.resolve(changed);
  }

  override list(query: JobQuery): Promise<JobPage> {
    const { limit, before } = query;
    const jobs: Job[] = [];
    let scanned = 0;
    let last: string | undefined;
    for (const job of [...this.jobs.values()].toReversed()) {
      if (before !== undefined && job.id >= before) continue;
      if (jobs.length === limit || scanned === MAX_SCANNED) {
        return Promise.resolve({ jobs, next: last });
      }
      scanned++;
      last = job.id;
      if (matches(job, query)) jobs.push(job);
    }
    return Promise.resolve({ jobs, next: undefined });
  }

  override findDue(task: JobTask, nowMs: number, limit: number): Promise<readonly Job[]> {
    const due: [string, number][] = [];
    for (const entry of this.dueAt[task]) if (entry[1] <= nowMs) due.push(entry);
    const first = due.toSorted(([, a], [, b]) => a - b).slice(0, limit);
    return Promise.resolve(first.map(([id]) => this.jobs.get(id) as Job));
  }

  override forgetEnded(beforeMs: number, limit: number): Promise<number> {
    let forgotten = 0;
    for (const job of this.jobs.values()) {
      if (forgotten === limit) break;
      if (job.endedAt === undefined || Date.parse(job.endedAt) >= beforeMs) continue;
      this.forget(job);
      forgotten++;
    }
    return Promise.resolve(forgotten);
  }

  override stats(): Promise<JobStats> {
    const counts = JOB_KINDS.flatMap(({ name: kind }) =>
      JOB_STATES.map((state) => {
        const count = this.counts.get(countKey({ kind, state })) ?? 0;
        return { kind, state, count };
      }),
    );
    let oldestOpenAt: number | undefined;
    for (const id of this.open) {
      const createdAt = Date.parse(this.jobs.get(id)?.createdAt ?? '');
      if (!(createdAt >= (oldestOpenAt ?? Infinity))) oldestOpenAt = createdAt;
    }
    return Promise.resolve({ counts, oldestOpenAt });
  }

  override acquireLeadership(): Promise<boolean> {
    return Promise.resolve(true);
  }

  override get unready(): undefined {
    return undefined;
  }

  private put(job: Job): void {
    const { id, geminiName } = job;
    const earlier = this.jobs.get(id);
    if (earlier) this.addToCount(earlier, -1);
    this.addToCount(job, 1);
    this.jobs.set(id, job);
    setMembership(this.open, id, !hasEnded(job));
    if (geminiName !== undefined) this.idsByName.set(geminiName, id);
    setMembership(this.unnamed, id, isUnnamed(job));
    const tasks = tasksOf(job);
    for (const [task, dueAt] of Object.entries(this.dueAt)) {
      const at = tasks[task as JobTask];
      if (at === undefined) dueAt.delete(id);
      else dueAt.set(id, at);
    }
  }

  private addToCount(job: Job, difference: number): void {
    const key = countKey(job);
    this.counts.set(key, (this.counts.get(key) ?? 0) + difference);
  }

  private forget(job: Job): void {
    const { id, geminiName, submission } = job;
    this.addToCount(job, -1);
    this.open.delete(id);
    this.jobs.delete(id);
    if (geminiName !== undefined) this.idsByName.delete(geminiName);
    if (submission) this.idsBySubmission.delete(submission.key);
    this.unnamed.delete(id);
    for (const dueAt of Object.values(this.dueAt)) dueAt.delete(id);
  }
}

function countKey({ kind, state }: Pick<Job, 'kind' | 'state'>): string {
  return `${kind}:${state}`;
}

function setMembership(ids: Set<string>, id: string, isIn: boolean): void {
  if (isIn) ids.add(id);
  else ids.delete(id);
}
