import { Injectable } from '@nestjs/common';
import { GeminiClient } from '../../gemini/gemini.client.js';
import { retryWhileUnavailable } from '../../infrastructure/redis/retry-while-unavailable.js';
import { ProblemException } from '../../internal-api/problems/problem.exception.js';
import type { JobOrder } from '../api/job-order.js';
import { JobRegistry } from '../job-registry.js';
import { Idempotency, type Submitted, type Submitter } from './idempotency.js';
import { newJob } from './new-job.js';
import { Submission } from './submission.js';

/** Time for which a failing registry is retried before the job is sent. */
const ADD_RETRY_MS = 5000;

/**
 * Submits jobs to Gemini, each once. It stores the job before it calls Gemini. A submission
 * without an answer can be tried again only after `SubmissionRecovery` has resolved it.
 */
@Injectable()
export class JobSubmitter {
  constructor(
    private readonly gemini: GeminiClient,
    private readonly registry: JobRegistry,
    private readonly idempotency: Idempotency,
    private readonly submission: Submission,
  ) {}

  /**
   * @throws {ProblemException} 409 while the same submission is in progress; 422 for an idempotency
   *   key of another submission, or if Gemini refuses the job; 429 and 503 if Gemini limits the
   *   calls; 502 if the bridge's key is bad; 504 if Gemini did not answer, and the job is
   *   `unknown`; 503 without a Gemini key or registry.
   */
  async submit(order: JobOrder, by: Submitter): Promise<Submitted> {
    this.assertConfigured();
    const added = newJob(order, by);
    const job = await retryWhileUnavailable(() => this.registry.add(added), ADD_RETRY_MS);
    if (job.id === added.id) {
      return { job: await this.submission.send(order, job), isRepeat: false };
    }
    const replayed = this.idempotency.replay(order, by, job);
    const retried = await this.idempotency.claimRetry(job, by);
    if (!retried) return replayed;
    return { job: await this.submission.send(order, retried), isRepeat: false };
  }

  /** @throws {ProblemException} 503 without `GEMINI_API_KEY`. */
  assertConfigured(): void {
    if (this.gemini.configured) return;
    const detail = 'set GEMINI_API_KEY to submit jobs';
    throw new ProblemException(503, 'gemini-not-configured', detail);
  }
}
