import type { JobPage, JobQuery } from '../../src/jobs/job-registry.js';
import type { Job } from '../../src/jobs/job.js';
import { MemoryJobRegistry } from '../../src/jobs/registry/memory.job-registry.js';

/** Keeps jobs in memory. A test can make its reads fail. */
export class InterruptibleJobRegistry extends MemoryJobRegistry {
  /** `find` and `list` reject with it while it is set. */
  failure: Error | undefined;

  override async find(id: string): Promise<Job | undefined> {
    if (this.failure) throw this.failure;
    return super.find(id);
  }

  override async list(query: JobQuery): Promise<JobPage> {
    if (this.failure) throw this.failure;
    return super.list(query);
  }
}
