import { createHash, randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '../../config/config.js';
import { jobPath } from '../../events/webhook-routes.js';
import { GeminiClient } from '../../gemini/gemini.client.js';
import { GeminiError } from '../../gemini/gemini.error.js';
import { ProblemException } from '../../internal-api/problems/problem.exception.js';
import { metadataHash, userMetadataOf } from '../correlation.js';
import { newJobId } from '../registry/job-id.js';
import { JobRegistry } from '../job-registry.js';
import { markUnknown, withName, markNotAccepted, markRetried } from '../job-lifecycle.js';
import type { Job, JobError } from '../job.js';
import { jsonHash } from '../../infrastructure/json/json.js';
import { retryWhileUnavailable } from '../../infrastructure/redis/retry-while-unavailable.js';
import { CapabilityKeyring } from '../../signature/capability-keyring.js';
import { issueCapability } from '../../signature/capability.js';
import { traced, Tracing } from '../../infrastructure/tracing/tracing.js';
import type { JobOrder } from '../api/job-order.js';
import { submissionProblem } from '../../internal-api/problems/gemini-problem.js';
import { nextPollAt } from '../poll-schedule.js';

/** Time that Gemini has for a submission. Afterwards its outcome is unknown. */
const SUBMIT_TIMEOUT_MS = 30_000;
/** Lease of a submission. After it, the process that submitted counts as dead or hanging. */
const SUBMISSION_LEASE_MS = SUBMIT_TIMEOUT_MS + 15_000;
/** Time for which a failing registry is retried before the job is sent. */
const ADD_RETRY_MS = 5000;

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

/**
 * Submits jobs to Gemini, each once. It stores the job before it calls Gemini. A submission
 * without an answer can be tried again only after `SubmissionRecovery` has resolved it.
 */
@Injectable()
export class JobSubmitter {
  private readonly logger = new Logger(JobSubmitter.name);

  constructor(
    private readonly gemini: GeminiClient,
    private readonly registry: JobRegistry,
    private readonly capabilityKeys: CapabilityKeyring,
    private readonly tracing: Tracing,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * @throws {ProblemException} 409 while the same submission is in progress; 422 for an idempotency
   *   key of another submission, or if Gemini refuses the job; 429 and 503 if Gemini limits the
   *   calls; 502 if the bridge's key is bad; 504 if Gemini did not answer, and the job is
   *   `unknown`; 503 without a Gemini key or registry.
   */
  async submit(given: JobOrder, by: Submitter): Promise<Submitted> {
    this.assertConfigured();
    const asked = newJob(given, by);
    const job = await retryWhileUnavailable(() => this.registry.add(asked), ADD_RETRY_MS);
    if (job.id === asked.id) {
      return { job: await this.send(given, job), isRepeat: false };
    }
    const replayed = this.replay(given, by, job);
    const again = await this.claimRetry(job, by);
    if (!again) return replayed;
    return { job: await this.send(given, again), isRepeat: false };
  }

  /** @throws {ProblemException} 503 without `GEMINI_API_KEY`. */
  assertConfigured(): void {
    if (this.gemini.configured) return;
    const detail = 'set GEMINI_API_KEY to submit jobs';
    throw new ProblemException(503, 'gemini-not-configured', detail);
  }

  /** @returns the job of the idempotency key; undefined if there is none, or it can be tried again. */
  async findEarlier({ caller, idempotencyKey }: Submitter): Promise<Job | undefined> {
    if (idempotencyKey === undefined) return undefined;
    const job = await this.registry.findBySubmission(keyHash(caller, idempotencyKey));
    return job && !isRetryable(job) ? job : undefined;
  }

  /**
   * Answers a repeated submission with the job of its idempotency key, without calling Gemini.
   *
   * @throws {ProblemException} 409 and 422 as `submit` does.
   */
  replay(given: JobOrder, by: Submitter, earlier: Job): Submitted {
    const { id, kind, state, submission } = earlier;
    const asked = newJob(given, by);
    if (submission?.body !== asked.submission?.body || kind !== asked.kind) {
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
  private async claimRetry(earlier: Job, by: Submitter): Promise<Job | undefined> {
    if (!isRetryable(earlier)) return undefined;
    let isClaimed = false;
    const job = await this.registry.updateJob(earlier.id, (now) => {
      isClaimed = isRetryable(now) && now.attempts === earlier.attempts;
      const at = new Date();
      if (!isClaimed) return now;
      return {
        ...markRetried(now, at, at.getTime() + SUBMISSION_LEASE_MS),
        ...traceOf(by),
      };
    });
    return isClaimed ? job : undefined;
  }

  private async send(given: JobOrder, job: Job): Promise<Job> {
    const { kind, order, displayName } = given;
    try {
      const webhook = {
        uris: [await this.webhookUrl(job)],
        userMetadata: userMetadataOf(job),
      };
      const request = kind.submission(order, { jobId: job.id, displayName, webhook });
      assertLeaseHeld(job);
      const span = this.tracing.start('submit', {
        parent: job.traceparent,
        kind: 'client',
      });
      const answer = await traced(span, () =>
        this.gemini.send(request, SUBMIT_TIMEOUT_MS),
      );
      const geminiName = kind.parseName(answer);
      if (geminiName !== undefined) return await this.recordSubmitted(job, geminiName);
      throw new GeminiError('Gemini answered without the name of a job', 'unknown', {
        status: 200,
      });
    } catch (error) {
      if (!(error instanceof GeminiError)) throw error;
      throw await this.recordFailure(job, error);
    }
  }

  private async webhookUrl(job: Job): Promise<string> {
    const { id, correlationId } = job;
    const token = await issueCapability(
      { jobId: id, correlationId, metadataHash: metadataHash(userMetadataOf(job)) },
      this.capabilityKeys.value,
    );
    return `${this.config.publicUrl}${jobPath(token)}`;
  }

  /** The job's event may have arrived before Gemini's answer. Its state then stays. */
  private async recordSubmitted(job: Job, geminiName: string): Promise<Job> {
    const at = new Date();
    const pollAt = nextPollAt(job, this.config.jobs.lookAfterMs);
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

/**
 * Throws if too little of the lease is left for the call to Gemini. The process may have been
 * suspended since it stored the job, and another one may have submitted the job again.
 */
function assertLeaseHeld({ dueAt = Infinity }: Job): void {
  if (Date.now() > dueAt - SUBMIT_TIMEOUT_MS) {
    throw new GeminiError('the bridge was suspended and sent nothing', 'refused');
  }
}

function newJob(given: JobOrder, by: Submitter): Job {
  const { caller, idempotencyKey, content } = by;
  const { kind, order, displayName, metadata, correlationId = randomUUID() } = given;
  const now = new Date();
  const body = {
    order: content === undefined ? order : { ...order, file: content },
    displayName,
    metadata,
    correlationId: given.correlationId,
  };
  return {
    id: newJobId(now.getTime()),
    kind: kind.name,
    state: 'submitting',
    correlationId,
    metadata,
    announcedBy: kind.announcedBy,
    ...(order.model === undefined ? {} : { model: order.model }),
    attempts: 1,
    createdAt: now.toISOString(),
    updatedAt: now.toISOString(),
    dueAt: now.getTime() + SUBMISSION_LEASE_MS,
    ...traceOf(by),
    ...(idempotencyKey === undefined
      ? {}
      : {
          submission: { key: keyHash(caller, idempotencyKey), body: jsonHash(body) },
        }),
  };
}

function traceOf({ traceparent }: Submitter): Pick<Job, 'traceparent'> {
  return traceparent === undefined ? {} : { traceparent };
}

function isRetryable({ state, error }: Job): boolean {
  return state === 'failed' && (error?.retryable ?? false);
}

function keyHash(caller: string, key: string): string {
  return createHash('sha256').update(`${caller}\n${key}`).digest('base64url');
}

/** The error of a job that Gemini refused. The same idempotency key can submit it again. */
function refusalOf({ status, reason, message }: GeminiError): JobError {
  return {
    code: status === undefined ? 'not-sent' : `gemini-${status}`,
    message: reason ?? message,
    retryable: true,
  };
}
