import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
} from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { CONFIG, type Config } from '../../config/config.js';
import {
  EventFormatError,
  parseGeminiEvent,
  type GeminiEvent,
} from '../../events/gemini-event.js';
import { withJobEvent } from '../../jobs/job-events.js';
import { LogRateLimit } from '../../infrastructure/logging/log-rate-limit.js';
import { JobRegistry } from '../../jobs/job-registry.js';
import { hasEnded, isEndAssumed } from '../../jobs/job.js';
import { retryWhileUnavailable } from '../../infrastructure/redis/retry-while-unavailable.js';
import type { Delivery } from '../delivery.js';
import { JobMatcher } from './job-matcher.js';

/** For so long a note is tried again; then only asking Gemini tells. */
const PERSIST_MS = 60_000;
const MAX_PENDING = 1000;

/**
 * Notes in the registry that a job's event is on Kafka. What becomes of the note cannot change
 * the answer to the delivery any more; but of a job that Gemini does not list it is the only
 * thing that tells its name, so it is not given up at once.
 */
@Injectable()
export class JobEventRecorder implements BeforeApplicationShutdown {
  private readonly logger = new Logger(JobEventRecorder.name);
  private readonly quota = new LogRateLimit();
  private readonly pending = new Set<Promise<void>>();

  constructor(
    private readonly jobs: JobRegistry,
    private readonly identity: JobMatcher,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Resolves after the first try. */
  async record(jobId: string, event: GeminiEvent, webhookId: string): Promise<void> {
    const at = new Date();
    const note = () =>
      this.jobs.updateJob(jobId, (job) => withJobEvent(job, event, webhookId, at));
    try {
      await note();
    } catch (error) {
      if (this.pending.size < MAX_PENDING) this.later(jobId, note);
      else this.lost(jobId, error);
    }
  }

  /**
   * The event of a repeat, which is on Kafka: who published it may have died before the note,
   * and after this answer nobody says it again.
   */
  async recordDuplicate({ capability, proof }: Delivery): Promise<void> {
    if (!capability || !proof.bodyBound) return;
    try {
      const job = await this.jobs.find(capability.jobId);
      if (!job || job.lastEvent?.webhookId === proof.id) return;
      if (hasEnded(job) && !isEndAssumed(job)) return;
      const event = parseGeminiEvent(proof.body);
      const owner = this.identity.ofPath(capability, job, event, proof.body);
      if (typeof owner !== 'string') await this.record(job.id, event, proof.id);
    } catch (error) {
      if (!(error instanceof EventFormatError)) this.lost(capability.jobId, error);
    }
  }

  async beforeApplicationShutdown(): Promise<void> {
    const most = delay(this.config.shutdownTimeoutMs / 4, undefined, { ref: false });
    await Promise.race([Promise.all(this.pending), most]);
  }

  private later(jobId: string, note: () => Promise<unknown>): void {
    const noting = retryWhileUnavailable(note, PERSIST_MS)
      .then(() => undefined)
      .catch((error: unknown) => this.lost(jobId, error))
      .finally(() => this.pending.delete(noting));
    this.pending.add(noting);
  }

  private lost(jobId: string, error: unknown): void {
    if (this.quota.tryAcquire()) {
      this.logger.warn({ message: "job's event not noted", jobId, error });
    }
  }
}
