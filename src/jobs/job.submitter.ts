import { createHash, randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '../config.js';
import { GeminiClient } from '../gemini/gemini.client.js';
import { GeminiError } from '../gemini/gemini.error.js';
import { Problem } from '../problem/problem.js';
import { metadataHash, userMetadataOf } from '../registry/correlation.js';
import { newJobId } from '../registry/job-id.js';
import { JobRegistry } from '../registry/job-registry.js';
import { advanced, type Job } from '../registry/job.js';
import { jsonHash, without } from '../registry/json.js';
import { CapabilityKeyring } from '../signature/capability-keyring.js';
import { issueCapability } from '../signature/capability.js';
import type { JobOrder } from './job-order.js';
import { submissionProblem } from './gemini-problem.js';

/** A submission may take long; after this its outcome counts as unknown. */
const SUBMIT_TIMEOUT_MS = 30_000;
/** Whoever submits is dead, or hangs, when it has not said after this what became of it. */
const SUBMISSION_LEASE_MS = SUBMIT_TIMEOUT_MS + 15_000;

/** Who submits, and by what a repeat of it is known. */
export interface Submitter {
  /** Of the caller: two callers' keys are not the same. */
  readonly caller: string;
  readonly idempotencyKey: string | undefined;
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
 * (`JobCaretaker`) before anybody may try again.
 */
@Injectable()
export class JobSubmitter {
  private readonly logger = new Logger(JobSubmitter.name);

  constructor(
    private readonly gemini: GeminiClient,
    private readonly registry: JobRegistry,
    private readonly capabilityKeys: CapabilityKeyring,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * @throws {Problem} 409 while the same is being submitted, 422 for a key that was used for
   *   something else, 502 when Gemini refuses, 429 and 503 as Gemini says them, 504 when it did
   *   not say whether it took the job, which is then `unknown`, 503 without a key or a registry.
   */
  async submit(given: JobOrder, by: Submitter): Promise<Submitted> {
    this.assertConfigured();
    const asked = newJob(given, by);
    const job = await this.registry.add(asked);
    if (job.id === asked.id) {
      return { job: await this.send(given, job), isRepeat: false };
    }
    return this.repeat(given, asked, job);
  }

  /** @throws {Problem} 503 without a key. */
  assertConfigured(): void {
    if (this.gemini.configured) return;
    const detail = 'set GEMINI_API_KEY to submit jobs';
    throw new Problem(503, 'gemini-not-configured', detail);
  }

  /** The same key once more. */
  private async repeat(given: JobOrder, asked: Job, there: Job): Promise<Submitted> {
    const { id } = there;
    if (there.submission?.body !== asked.submission?.body || there.kind !== asked.kind) {
      const detail = 'this Idempotency-Key was used for another submission';
      throw new Problem(422, 'idempotency-key-reused', detail, {}, { id });
    }
    if (there.state === 'submitting') {
      const detail = 'the same is being submitted at this moment';
      throw new Problem(
        409,
        'submission-in-flight',
        detail,
        { 'Retry-After': '2' },
        { id },
      );
    }
    const job = await this.taken(there);
    if (!job) return { job: there, isRepeat: true };
    return { job: await this.send(given, job), isRepeat: false };
  }

  /** The job for another try, where Gemini certainly did not take it; undefined if nobody may, or somebody else does. */
  private async taken(there: Job): Promise<Job | undefined> {
    if (!there.error?.retryable) return undefined;
    let isOurs = false;
    const job = await this.registry.change(there.id, (now) => {
      isOurs = now.state === 'failed' && now.attempts === there.attempts;
      return isOurs ? tried(now) : now;
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
      const answer = await this.gemini.send(request, SUBMIT_TIMEOUT_MS);
      const geminiName = kind.nameIn(answer);
      if (geminiName !== undefined) return await this.submitted(job, geminiName);
      throw new GeminiError('Gemini answered without a name', 'unknown', { status: 200 });
    } catch (error) {
      if (!(error instanceof GeminiError)) throw error;
      throw await this.notSubmitted(job, error);
    }
  }

  private async webhookUrl(job: Job): Promise<string> {
    const { id, correlationId } = job;
    const token = await issueCapability(
      { jobId: id, correlationId, metadataHash: metadataHash(userMetadataOf(job)) },
      this.capabilityKeys.value,
    );
    return `${this.config.publicUrl}/webhooks/gemini/jobs/${token}`;
  }

  /** Its event may have come before Gemini's answer: then that state stands. */
  private async submitted(job: Job, geminiName: string): Promise<Job> {
    const at = new Date();
    const change = (now: Job): Job => named(now, geminiName, at);
    try {
      return (await this.registry.change(job.id, change)) ?? change(job);
    } catch (error) {
      // Gemini has it: who looks after the jobs will find that out
      this.logger.error({ message: 'submitted job not noted', jobId: job.id, error });
      return change(job);
    }
  }

  private async notSubmitted(
    { id, attempts }: Job,
    error: GeminiError,
  ): Promise<Problem> {
    const at = new Date();
    this.logger.warn({ message: 'job not submitted', jobId: id, reason: error.message });
    await this.registry.change(id, (job) => {
      if (job.attempts !== attempts) return job; // somebody has gone on since
      return error.outcome === 'refused' ? refused(job, error, at) : lost(job, error, at);
    });
    return submissionProblem(id, error);
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

function newJob(given: JobOrder, { caller, idempotencyKey, content }: Submitter): Job {
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
    ...(idempotencyKey === undefined
      ? {}
      : {
          submission: { key: keyHash(caller, idempotencyKey), body: jsonHash(body) },
        }),
  };
}

function keyHash(caller: string, key: string): string {
  return createHash('sha256').update(`${caller}\n${key}`).digest('base64url');
}

/** Once more, from the start. */
function tried(job: Job): Job {
  const now = new Date();
  return {
    ...without(job, 'error', 'endedAt'),
    state: 'submitting',
    attempts: job.attempts + 1,
    updatedAt: now.toISOString(),
    dueAt: now.getTime() + SUBMISSION_LEASE_MS,
  };
}

/** Gemini has taken it. Kafka is told, and somebody looks whether it was forgotten. */
export function named(job: Job, geminiName: string, at: Date): Job {
  const isNews = job.state === 'submitting' || job.state === 'unknown';
  const known = advanced({ ...without(job, 'error'), geminiName }, 'submitted', at);
  const untold = [...(known.untold ?? []), ...(isNews ? ['submitted' as const] : [])];
  return { ...known, untold, updatedAt: at.toISOString(), dueAt: at.getTime() };
}

/** Kafka is not told: whoever submitted was, and may try again by the same key. */
function refused(job: Job, error: GeminiError, at: Date): Job {
  return notTaken(job, at, {
    code: error.status === undefined ? 'not-sent' : `gemini-${error.status}`,
    message: error.reason ?? error.message,
    retryable: true,
  });
}

export function notTaken(job: Job, at: Date, error: NonNullable<Job['error']>): Job {
  if (job.state !== 'submitting' && job.state !== 'unknown') return job;
  const time = at.toISOString();
  return {
    ...without(job, 'dueAt'),
    state: 'failed',
    error,
    endedAt: time,
    updatedAt: time,
  };
}

/** Gemini did not say whether it took the job. */
export function lost(job: Job, { message }: Error, at: Date): Job {
  if (job.state !== 'submitting') return job;
  return {
    ...job,
    state: 'unknown',
    error: { code: 'outcome-unknown', message },
    untold: [...(job.untold ?? []), 'unknown'],
    updatedAt: at.toISOString(),
    dueAt: at.getTime(),
  };
}
