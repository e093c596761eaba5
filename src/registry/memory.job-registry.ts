import { JobRegistry, type KnownJob } from './job-registry.js';

/** Jobs remembered at most; the oldest are forgotten, their events keep their correlation id. */
const MAX_JOBS = 100_000;

/** Remembers in the process: for one replica, and gone with it. */
export class MemoryJobRegistry extends JobRegistry {
  private readonly jobs = new Map<string, KnownJob>();

  constructor(private readonly max = MAX_JOBS) {
    super();
  }

  override put(job: KnownJob): Promise<void> {
    this.jobs.set(job.id, job);
    for (const id of this.jobs.keys()) {
      if (this.jobs.size <= this.max) break;
      this.jobs.delete(id);
    }
    return Promise.resolve();
  }

  override find(id: string): Promise<KnownJob | undefined> {
    return Promise.resolve(this.jobs.get(id));
  }

  override update(id: string, change: Partial<KnownJob>): Promise<void> {
    const job = this.jobs.get(id);
    if (job)
      this.jobs.set(id, { ...job, ...change, updatedAt: new Date().toISOString() });
    return Promise.resolve();
  }
}
