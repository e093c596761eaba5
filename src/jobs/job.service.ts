import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '../config.js';
import { GeminiClient } from '../gemini/gemini.client.js';
import { GeminiError } from '../gemini/gemini.error.js';
import { Problem } from '../problem/problem.js';
import { JobRegistry, type JobState, type KnownJob } from '../registry/job-registry.js';
import { CapabilityKeyring } from '../signature/capability-keyring.js';
import { issueCapability } from '../signature/capability.js';
import type { BatchRequest } from './batch-request.js';

/** Submits jobs whose events come back through the bridge. */
@Injectable()
export class JobService {
  private readonly logger = new Logger(JobService.name);

  constructor(
    private readonly gemini: GeminiClient,
    private readonly registry: JobRegistry,
    private readonly capabilityKeys: CapabilityKeyring,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * Remembers the job, then submits it, once: the job is known before its webhook can come.
   *
   * @throws {Problem} 503 without a key, 502 when Gemini refuses, 504 when it did not say
   *   whether it took the job, which is then `unknown`.
   */
  async submitBatch(request: BatchRequest): Promise<KnownJob> {
    if (!this.gemini.configured) {
      throw new Problem(
        503,
        'gemini-not-configured',
        'set GEMINI_API_KEY to submit jobs',
      );
    }
    const job = await this.register(request);
    const { id, correlationId } = job;
    try {
      const geminiName = await this.gemini.submitBatch({
        model: request.model,
        displayName: request.displayName ?? id,
        requests: request.requests,
        webhookUrl: await this.webhookUrl(job),
        userMetadata: { ...request.metadata, correlation_id: correlationId },
      });
      await this.registry.update(id, { geminiName });
      return await this.leaveSubmitting(id, 'submitted');
    } catch (error) {
      throw await this.notSubmitted(id, error);
    }
  }

  /** @throws {Problem} 404 */
  async find(id: string): Promise<KnownJob> {
    const job = await this.registry.find(id);
    if (!job) throw new Problem(404, 'job-not-found', 'there is no such job');
    return job;
  }

  private async register(request: BatchRequest): Promise<KnownJob> {
    const now = new Date().toISOString();
    const job: KnownJob = {
      id: randomUUID(),
      kind: 'batch',
      state: 'submitting',
      correlationId: request.correlationId ?? randomUUID(),
      metadata: request.metadata,
      createdAt: now,
      updatedAt: now,
    };
    await this.registry.put(job);
    return job;
  }

  private async webhookUrl({ id, correlationId }: KnownJob): Promise<string> {
    const token = await issueCapability(
      { jobId: id, correlationId },
      this.capabilityKeys.value,
    );
    return `${this.config.publicUrl}/webhooks/gemini/jobs/${token}`;
  }

  /** The job's event may have come before Gemini's answer: then that state stands. */
  private async leaveSubmitting(id: string, state: JobState): Promise<KnownJob> {
    const job = await this.find(id);
    if (job.state !== 'submitting') return job;
    await this.registry.update(id, { state });
    return this.find(id);
  }

  private async notSubmitted(id: string, error: unknown): Promise<unknown> {
    if (!(error instanceof GeminiError)) return error;
    const refused = error.outcome === 'refused';
    await this.registry.update(id, { error: error.message });
    await this.leaveSubmitting(id, refused ? 'failed' : 'unknown');
    this.logger.warn({ message: 'job not submitted', jobId: id, reason: error.message });
    return refused
      ? new Problem(
          502,
          'gemini-refused',
          error.message,
          {},
          { id, geminiStatus: error.status },
        )
      : new Problem(
          504,
          'gemini-outcome-unknown',
          `${error.message}; it may have taken the job`,
          {},
          { id },
        );
  }
}
