import { Injectable, Logger } from '@nestjs/common';
import type { JobsConfig } from '../../config/config.js';
import { InjectConfig } from '../../config/inject-config.js';
import { GeminiClient } from '../../gemini/gemini.client.js';
import type { GeminiRequest } from '../../gemini/gemini-request.js';
import { GeminiError } from '../../gemini/gemini.error.js';
import { retryWhileUnavailable } from '../../infrastructure/redis/retry-while-unavailable.js';
import { traced, Tracing } from '../../infrastructure/tracing/tracing.js';
import { submissionProblem } from '../../internal-api/problems/gemini-problem.js';
import type { ProblemException } from '../../internal-api/problems/problem.exception.js';
import type { JobOrder } from '../api/job-order.js';
import { userMetadataOf } from '../correlation.js';
import { markNotAccepted, markUnknown, withName } from '../job-lifecycle.js';
import { JobRegistry } from '../job-registry.js';
import type { Job, JobError } from '../job.js';
import { nextPollAt } from '../poll-schedule.js';
import { assertLeaseHeld, SUBMIT_TIMEOUT_MS } from './submission-lease.js';
import { WebhookUrl } from './webhook-url.js';

/** Sends one attempt of a submission to Gemini, and records its outcome in the registry. */
@Injectable()
export class Submission {
  private readonly logger = new Logger(Submission.name);

  constructor(
    private readonly gemini: GeminiClient,
    private readonly registry: JobRegistry,
    private readonly webhookUrl: WebhookUrl,
    private readonly tracing: Tracing,
    @InjectConfig('jobs') private readonly jobsConfig: JobsConfig,
  ) {}

  /**
   * @param job a stored job with a lease for this attempt.
   * @returns the job with its name at Gemini.
   * @throws {ProblemException} as `JobSubmitter.submit`.
   */
  async send(order: JobOrder, job: Job): Promise<Job> {
    try {
      const geminiName = await this.callGemini(order, job);
      return await this.recordSubmitted(job, geminiName);
    } catch (error) {
      if (!(error instanceof GeminiError)) throw error;
      throw await this.recordFailure(job, error);
    }
  }

  private async callGemini(order: JobOrder, job: Job): Promise<string> {
    const request = await this.requestFor(order, job);
    assertLeaseHeld(job);
    const span = this.tracing.start('submit', {
      parent: job.traceparent,
      kind: 'client',
    });
    const answer = await traced(span, () => this.gemini.send(request, SUBMIT_TIMEOUT_MS));
    const geminiName = order.kind.parseName(answer);
    if (geminiName !== undefined) return geminiName;
    const message = 'Gemini answered without the name of a job';
    throw new GeminiError(message, 'unknown', { status: 200 });
  }

  private async requestFor(given: JobOrder, job: Job): Promise<GeminiRequest> {
    const { kind, order, displayName } = given;
    const webhook = {
      uris: [await this.webhookUrl.issueFor(job)],
      userMetadata: userMetadataOf(job),
    };
    return kind.submission(order, { jobId: job.id, displayName, webhook });
  }

  /** The job's event may have arrived before Gemini's answer. Its state then stays. */
  private async recordSubmitted(job: Job, geminiName: string): Promise<Job> {
    const at = new Date();
    const pollAt = nextPollAt(job, this.jobsConfig.lookAfterMs);
    const change = (now: Job): Job => withName(now, geminiName, at, pollAt);
    try {
      return (await this.updateAttempt(job, change)) ?? change(job);
    } catch (error) {
      // Gemini has the job. SubmissionRecovery finds its name after the lease has expired
      this.logger.error({
        message: 'name of a submitted job not stored',
        jobId: job.id,
        error,
      });
      return change(job);
    }
  }

  private async recordFailure(job: Job, error: GeminiError): Promise<ProblemException> {
    const { id } = job;
    const at = new Date();
    this.logger.warn({ message: 'job not submitted', jobId: id, reason: error.message });
    await this.updateAttempt(job, (now) =>
      error.effect === 'refused'
        ? markNotAccepted(now, refusalOf(error), at)
        : markUnknown(now, error, at),
    );
    return submissionProblem(id, error);
  }

  /** Changes the job unless a later attempt has begun. Retries until the lease expires. */
  private updateAttempt(
    { id, attempts, dueAt = 0 }: Job,
    change: (now: Job) => Job,
  ): Promise<Job | undefined> {
    const write = () =>
      this.registry.updateJob(id, (now) =>
        now.attempts === attempts ? change(now) : now,
      );
    return retryWhileUnavailable(write, dueAt - Date.now());
  }
}

/** The error of a job that Gemini refused. The same idempotency key can submit it again. */
function refusalOf({ status, reason, message }: GeminiError): JobError {
  return {
    code: status === undefined ? 'not-sent' : `gemini-${status}`,
    message: reason ?? message,
    retryable: true,
  };
}
