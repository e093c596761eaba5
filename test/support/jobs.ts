import type { Job } from '../../src/jobs/job.js';

/** A job that was submitted as `batches/1`. */
export function knownJob(job: Partial<Job> = {}): Job {
  return {
    id: 'job-1',
    kind: 'batch',
    state: 'submitted',
    correlationId: 'correlation-1',
    metadata: {},
    announcedBy: 'job',
    attempts: 1,
    geminiName: 'batches/1',
    createdAt: '2026-01-01T00:00:00.000Z',
    updatedAt: '2026-01-01T00:00:00.000Z',
    ...job,
  };
}
