import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { jsonHash } from '../../infrastructure/json/json.js';
import { ProblemException } from '../../internal-api/problems/problem.exception.js';
import type { JobOrder } from '../api/job-order.js';
import { markRetried } from '../job-lifecycle.js';
import { JobRegistry } from '../job-registry.js';
import type { Job } from '../job.js';
import { leaseFrom } from './submission-lease.js';

/** The caller of a submission, and what identifies a repeat of it. */
export interface Submitter {
  /** Name of the principal. Each caller has idempotency keys of its own. */
  readonly caller: string;
  readonly idempotencyKey: string | undefined;
  /** W3C trace context of the submission. */
  readonly traceparent?: string;
  /** SHA-256 of uploaded requests. It replaces the file name, which differs for each upload. */
  readonly content?: string;
}

export interface Submitted {
  readonly job: Job;
  /** True if the job was submitted before with the same idempotency key. */
  readonly isRepeat: boolean;
}

/** Finds the job of an idempotency key, and decides whether a repeat may submit it again. */
@Injectable()
export class Idempotency {
  constructor(private readonly registry: JobRegistry) {}

  /** @returns the job of the idempotency key; undefined if there is none, or it can be tried again. */
  async findEarlier({ caller, idempotencyKey }: Submitter): Promise<Job | undefined> {
    if (idempotencyKey === undefined) return undefined;
    const job = await this.registry.findBySubmission(keyHash(caller, idempotencyKey));
    return job && !isRetryable(job) ? job : undefined;
  }

  /**
   * Answers a repeated submission with the job of its idempotency key, without calling Gemini.
   *
   * @throws {ProblemException} 422 if the key belongs to another submission, 409 while that one is
   *   in progress.
   */
  replay(order: JobOrder, by: Submitter, earlier: Job): Submitted {
    const { id, kind, state, submission } = earlier;
    if (submission?.body !== orderHash(order, by) || kind !== order.kind.name) {
      const detail = 'this Idempotency-Key was used for another submission';
      throw new ProblemException(422, 'idempotency-key-reused', detail, {}, { id });
    }
    if (state === 'submitting') {
      const detail = 'the same submission is in progress';
      const headers = { 'Retry-After': '2' };
      throw new ProblemException(409, 'submission-in-flight', detail, headers, { id });
    }
    return { job: earlier, isRepeat: true };
  }

  /** Takes the lease for another attempt. @returns undefined if none is allowed, or another call has it. */
  async claimRetry(earlier: Job, { traceparent }: Submitter): Promise<Job | undefined> {
    if (!isRetryable(earlier)) return undefined;
    let isClaimed = false;
    const job = await this.registry.updateJob(earlier.id, (now) => {
      isClaimed = isRetryable(now) && now.attempts === earlier.attempts;
      if (!isClaimed) return now;
      const at = new Date();
      const retried = markRetried(now, at, leaseFrom(at));
      return traceparent === undefined ? retried : { ...retried, traceparent };
    });
    return isClaimed ? job : undefined;
  }
}

/** `submission` of a job; undefined without an idempotency key. */
export function submissionOf(order: JobOrder, by: Submitter): Job['submission'] {
  const { caller, idempotencyKey } = by;
  if (idempotencyKey === undefined) return undefined;
  return { key: keyHash(caller, idempotencyKey), body: orderHash(order, by) };
}

function isRetryable({ state, error }: Job): boolean {
  return state === 'failed' && (error?.retryable ?? false);
}

function keyHash(caller: string, key: string): string {
  return createHash('sha256').update(`${caller}\n${key}`).digest('base64url');
}

function orderHash(given: JobOrder, { content }: Submitter): string {
  const { order, displayName, metadata, correlationId } = given;
  return jsonHash({
    order: content === undefined ? order : { ...order, file: content },
    displayName,
    metadata,
    correlationId,
  });
}
