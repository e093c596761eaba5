import { Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { InjectConfig } from '../../config/inject-config.js';
import {
  EventFormatError,
  parseGeminiEvent,
  type GeminiEvent,
} from '../../events/gemini-event.js';
import { withJobEvent } from '../../jobs/delivered-event.js';
import { LogRateLimit } from '../../infrastructure/logging/log-rate-limit.js';
import { JobRegistry } from '../../jobs/job-registry.js';
import { hasEnded, isEndAssumed } from '../../jobs/job.js';
import { retryWhileUnavailable } from '../../infrastructure/redis/retry-while-unavailable.js';
import type { Delivery } from '../delivery.js';
import { JobMatcher } from './job-matcher.js';

/** An update is retried for this long. Afterwards only the status poller finds the job's end. */
const RETRY_MS = 60_000;
/** Updates that are being retried. */
const MAX_PENDING = 1000;

/**
 * Records in the registry that a job's event is on Kafka. A failed update does not change the
 * answer to the delivery. It is retried all the same, because for a job that Gemini does not list
 * the event is the only source of its name.
 */
@Injectable()
export class JobEventRecorder implements BeforeApplicationShutdown {
  private readonly logger = new Logger(JobEventRecorder.name);
  private readonly logLimit = new LogRateLimit();
  private readonly pending = new Set<Promise<void>>();

  constructor(
    private readonly jobs: JobRegistry,
    private readonly matcher: JobMatcher,
    @InjectConfig('shutdownTimeoutMs') private readonly shutdownTimeoutMs: number,
  ) {}

  /** Resolves after the first attempt, with or without success. */
  async recordEvent(jobId: string, event: GeminiEvent, webhookId: string): Promise<void> {
    const at = new Date();
    const update = () =>
      this.jobs.updateJob(jobId, (job) => withJobEvent(job, event, webhookId, at));
    try {
      await update();
    } catch (error) {
      if (this.pending.size < MAX_PENDING) this.retryLater(jobId, update);
      else this.logLoss(jobId, error);
    }
  }

  /**
   * Records the event of a duplicate. The replica that published it may have died before it could
   * record it, and Gemini does not deliver again after this answer.
   */
  async recordDuplicate({ capability, proof }: Delivery): Promise<void> {
    if (!capability || !proof.bodyBound) return;
    try {
      const job = await this.jobs.find(capability.jobId);
      if (!job || job.lastEvent?.webhookId === proof.id) return;
      if (hasEnded(job) && !isEndAssumed(job)) return;
      const event = parseGeminiEvent(proof.body);
      const owner = this.matcher.matchByPath(capability, job, event, proof.body);
      if (typeof owner !== 'string') await this.recordEvent(job.id, event, proof.id);
    } catch (error) {
      if (!(error instanceof EventFormatError)) this.logLoss(capability.jobId, error);
    }
  }

  async beforeApplicationShutdown(): Promise<void> {
    const timeout = delay(this.shutdownTimeoutMs / 4, undefined, { ref: false });
    await Promise.race([Promise.all(this.pending), timeout]);
  }

  private retryLater(jobId: string, update: () => Promise<unknown>): void {
    const retrying = retryWhileUnavailable(update, RETRY_MS)
      .then(() => undefined)
      .catch((error: unknown) => this.logLoss(jobId, error))
      .finally(() => this.pending.delete(retrying));
    this.pending.add(retrying);
  }

  private logLoss(jobId: string, error: unknown): void {
    if (!this.logLimit.tryAcquire()) return;
    this.logger.warn({ message: 'job event not recorded in the registry', jobId, error });
  }
}
