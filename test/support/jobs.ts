import type { KnownJob } from '../../src/registry/job-registry.js';

/** A job that was submitted as `batches/1`. */
export function knownJob(job: Partial<KnownJob> = {}): KnownJob {
  return {
    id: 'job-1',
    kind: 'batch',
    state: 'submitted',
    correlationId: 'correlation-1',
    metadata: {},
    geminiName: 'batches/1',
    createdAt: '2026-01-01T00:00:00.000Z',
    updatedAt: '2026-01-01T00:00:00.000Z',
    ...job,
  };
}
