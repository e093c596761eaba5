import { Injectable, Logger } from '@nestjs/common';
import type { TopicsConfig } from '../../config/config.js';
import { InjectConfig } from '../../config/inject-config.js';
import { withoutPublished } from '../job-lifecycle.js';
import { JobRegistry } from '../job-registry.js';
import type { Job } from '../job.js';
import { milestoneRecord } from './job-records.js';
import { OncePublisher } from './once-publisher.js';

const MAX_JOBS_PER_ROUND = 100;
/** Delay before the milestones of one job are tried again. */
const RETRY_MS = 15_000;
const FIRST_BACKOFF_MS = 1000;
const MAX_BACKOFF_MS = 60_000;

/** Publishes the milestones of jobs, `gemini.job.*`, once each. */
@Injectable()
export class LifecyclePublisher {
  private readonly logger = new Logger(LifecyclePublisher.name);
  /** Grows while Kafka accepts nothing, because each failed record loads the producer. */
  private backoffMs = 0;
  /** On the clock of `performance.now()`. */
  private pausedUntil = 0;

  constructor(
    private readonly registry: JobRegistry,
    private readonly publisher: OncePublisher,
    @InjectConfig('topics') private readonly topicsConfig: TopicsConfig,
  ) {}

  async publishPending(): Promise<void> {
    if (performance.now() < this.pausedUntil) return;
    const limit = this.backoffMs === 0 ? MAX_JOBS_PER_ROUND : 1;
    const jobs = await this.registry.findDue('tell', Date.now(), limit);
    if (jobs.length === 0) return;
    const results = await Promise.all(jobs.map((job) => this.publishMilestones(job)));
    this.backoffMs = results.includes(true)
      ? 0
      : Math.min(Math.max(this.backoffMs * 2, FIRST_BACKOFF_MS), MAX_BACKOFF_MS);
    this.pausedUntil = performance.now() + this.backoffMs;
  }

  /** Publishes the milestones of a job in their order. @returns false if Kafka lacks any of them. */
  private async publishMilestones(job: Job): Promise<boolean> {
    try {
      for (const milestone of job.untold ?? []) {
        await this.publisher.publishOnce(
          milestoneRecord(job, milestone, this.topicsConfig.prefix),
        );
      }
    } catch (error) {
      this.logger.warn({ message: 'job milestone not published', jobId: job.id, error });
      const tellAt = Date.now() + RETRY_MS;
      await this.updateJob(job, (now) => (now.untold ? { ...now, tellAt } : now));
      return false;
    }
    await this.updateJob(job, (now) => withoutPublished(now, job));
    return true;
  }

  /** A failed write is only logged: the next round publishes again, and its records are duplicates. */
  private async updateJob({ id }: Job, change: (now: Job) => Job): Promise<void> {
    try {
      await this.registry.updateJob(id, change);
    } catch (error) {
      this.logger.debug({ message: 'published milestones not stored', jobId: id, error });
    }
  }
}
