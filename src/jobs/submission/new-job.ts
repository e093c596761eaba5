import { randomUUID } from 'node:crypto';
import type { JobOrder } from '../api/job-order.js';
import type { Job } from '../job.js';
import { newJobId } from '../registry/job-id.js';
import { submissionOf, type Submitter } from './idempotency.js';
import { leaseFrom } from './submission-lease.js';

/** A job that is about to be submitted, with a lease from now on. */
export function newJob(given: JobOrder, by: Submitter): Job {
  const { kind, order, metadata, correlationId = randomUUID() } = given;
  const { traceparent } = by;
  const now = new Date();
  const submission = submissionOf(given, by);
  return {
    id: newJobId(now.getTime()),
    kind: kind.name,
    state: 'submitting',
    correlationId,
    metadata,
    announcedBy: kind.announcedBy,
    ...(order.model !== undefined && { model: order.model }),
    attempts: 1,
    createdAt: now.toISOString(),
    updatedAt: now.toISOString(),
    dueAt: leaseFrom(now),
    ...(traceparent !== undefined && { traceparent }),
    ...(submission && { submission }),
  };
}
