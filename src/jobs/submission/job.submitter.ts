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

/** A submission may take long; after this its outcome counts as unknown. */
const SUBMIT_TIMEOUT_MS = 30_000;
/** Whoever submits is dead, or hangs, when it has not said after this what became of it. */
const SUBMISSION_LEASE_MS = SUBMIT_TIMEOUT_MS + 15_000;
/** For so long a registry that does not answer is asked again before anything is sent. */
const ADD_MS = 5000;

/** Who submits, and by what a repeat of it is known. */
export interface Submitter {
  /** Of the caller: two callers' keys are not the same. */
  readonly caller: string;
  readonly idempotencyKey: string | undefined;
  /** W3C trace context of the submission. */
  readonly traceparent?: string;
  /** Hash of the requests, where they were uploaded: the same ones are another file each time. */
  readonly content?: string;
}

export interface Submitted {
  readonly job: Job;
  /** Submitted before, by the same key. */
  readonly isRepeat: boolean;
}

/**
 * Submits jobs whose events come back through the bridge. Each is submitted once: it is
 * remembered first, and what became of a submission without an answer is found out
 * (`SubmissionRecovery`) before anybody may try again.
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
   * @throws {ProblemException} 409 while the same is being submitted, 422 for a key that was used for
   *   something else, 502 when Gemini refuses, 429 and 503 as Gemini says them, 504 when it did
   *   not say whether it took the job, which is then `unknown`, 503 without a key or a registry.
   */
  async submit(given: JobOrder, by: Submitter): Promise<Submitted> {
    this.assertConfigured();
    const asked = newJob(given, by);
    const job = await retryWhileUnavailable(() => this.registry.add(asked), ADD_MS);
    if (job.id === asked.id) {
      return { job: await this.send(given, job), isRepeat: false };
    }
    const answerAgain = this.repeated(given, by, job);
    const again = await this.claimSubmission(job, by);
    if (!again) return answerAgain;
    return { job: await this.send(given, again), isRepeat: false };
  }

  /** @throws {ProblemException} 503 without a key. */
  assertConfigured(): void {
    if (this.gemini.configured) return;
    const detail = 'set GEMINI_API_KEY to submit jobs';
    throw new ProblemException(503, 'gemini-not-configured', detail);
  }

  /**
   * The job that this key stands for already; undefined when it is free, or the job may be
   * tried again.
   */
  async findEarlier({ caller, idempotencyKey }: Submitter): Promise<Job | undefined> {
    if (idempotencyKey === undefined) return undefined;
    const job = await this.registry.findBySubmission(keyHash(caller, idempotencyKey));
    return job && !isForAnotherTry(job) ? job : undefined;
  }

  /**
   * Answers a submission whose key stands for that job already: nothing is sent.
   *
   * @throws {ProblemException} 409 and 422 as `submit` does.
   */
  repeated(given: JobOrder, by: Submitter, there: Job): Submitted {
    const { id, kind, state, submission } = there;
    const asked = newJob(given, by);
    if (submission?.body !== asked.submission?.body || kind !== asked.kind) {
      const detail = 'this Idempotency-Key was used for another submission';
      throw new ProblemException(422, 'idempotency-key-reused', detail, {}, { id });
    }
    if (state === 'submitting') {
      const detail = 'the same is being submitted at this moment';
      const later = { 'Retry-After': '2' };
      throw new ProblemException(409, 'submission-in-flight', detail, later, { id });
    }
    return { job: there, isRepeat: true };
  }

  /** The job for another try, where Gemini certainly did not take it; undefined if nobody may, or somebody else does. */
  private async claimSubmission(there: Job, by: Submitter): Promise<Job | undefined> {
    if (!isForAnotherTry(there)) return undefined;
    let isOurs = false;
    const job = await this.registry.updateJob(there.id, (now) => {
      isOurs = isForAnotherTry(now) && now.attempts === there.attempts;
      const at = new Date();
      if (!isOurs) return now;
      return {
        ...markRetried(now, at, at.getTime() + SUBMISSION_LEASE_MS),
        ...traceOf(by),
      };
    });
    return isOurs ? job : undefined;
  }

  private async send(given: JobOrder, job: Job): Promise<Job> {
    const { kind, order, displayName } = given;
    try {
      const webhook = {
        uris: [await this.webhookUrl(job)],
        userMetadata: userMetadataOf(job),
      };
      const request = kind.submission(order, { jobId: job.id, displayName, webhook });
      assertInTime(job);
      const span = this.tracing.start('submit', {
        parent: job.traceparent,
        kind: 'client',
      });
      const answer = await traced(span, () =>
        this.gemini.send(request, SUBMIT_TIMEOUT_MS),
      );
      const geminiName = kind.parseName(answer);
      if (geminiName !== undefined) return await this.recordSubmitted(job, geminiName);
      throw new GeminiError('Gemini answered without a name', 'unknown', { status: 200 });
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

  /** Its event may have come before Gemini's answer: then that state stands. */
  private async recordSubmitted(job: Job, geminiName: string): Promise<Job> {
    const at = new Date();
    const lookAt = nextPollAt(job, this.config.jobs.lookAfterMs);
    const change = (now: Job): Job => withName(now, geminiName, at, lookAt);
    try {
      return (await this.written(job, change)) ?? change(job);
    } catch (error) {
      // Gemini has it: who looks after the jobs will find that out
      this.logger.error({ message: 'submitted job not noted', jobId: job.id, error });
      return change(job);
    }
  }

  private async recordFailure(job: Job, error: GeminiError): Promise<ProblemException> {
    const { id } = job;
    const at = new Date();
    this.logger.warn({ message: 'job not submitted', jobId: id, reason: error.message });
    await this.written(job, (now) =>
      error.effect === 'refused'
        ? markNotAccepted(now, refusalIn(error), at)
        : markUnknown(now, error, at),
    );
    return submissionProblem(id, error);
  }

  /** Unless somebody has gone on since; for as long as nobody can have. */
  private written(
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
 * A process that was suspended since it noted the job must not send it any more: somebody may
 * have looked for the job meanwhile, and submitted it again.
 */
function assertInTime({ dueAt = Infinity }: Job): void {
  if (Date.now() > dueAt - SUBMIT_TIMEOUT_MS) {
    throw new GeminiError('the bridge was held up, and sent nothing', 'refused');
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

function isForAnotherTry({ state, error }: Job): boolean {
  return state === 'failed' && (error?.retryable ?? false);
}

function keyHash(caller: string, key: string): string {
  return createHash('sha256').update(`${caller}\n${key}`).digest('base64url');
}

/** Whoever submits may try again by the same key. */
function refusalIn({ status, reason, message }: GeminiError): JobError {
  return {
    code: status === undefined ? 'not-sent' : `gemini-${status}`,
    message: reason ?? message,
    retryable: true,
  };
}
