import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '../../config/config.js';
import { withoutPublished } from '../job-lifecycle.js';
import { JobRegistry } from '../job-registry.js';
import type { Job } from '../job.js';
import { milestoneRecord } from './job-records.js';
import { OncePublisher } from './once-publisher.js';

const AT_ONCE = 100;
/** Until a job is tried again of which Kafka did not take what it was told. */
const AGAIN_MS = 15_000;
const FIRST_REST_MS = 1000;
const MAX_REST_MS = 60_000;

/** Tells Kafka of the jobs' lives. What it was told once is not told again, whoever does it. */
@Injectable()
export class LifecyclePublisher {
  private readonly logger = new Logger(LifecyclePublisher.name);
  /** Grows while Kafka takes nothing: each try that it refuses may cost the producer. */
  private restMs = 0;
  private restUntil = 0;

  constructor(
    private readonly registry: JobRegistry,
    private readonly publications: OncePublisher,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async publishPending(): Promise<void> {
    if (performance.now() < this.restUntil) return;
    const limit = this.restMs === 0 ? AT_ONCE : 1;
    const jobs = await this.registry.due('tell', Date.now(), limit);
    if (jobs.length === 0) return;
    const isTold = await Promise.all(jobs.map((job) => this.publishMilestones(job)));
    this.restMs = isTold.includes(true)
      ? 0
      : Math.min(Math.max(this.restMs * 2, FIRST_REST_MS), MAX_REST_MS);
    this.restUntil = performance.now() + this.restMs;
  }

  /** In the order of its life. False when Kafka did not take all of it. */
  private async publishMilestones(job: Job): Promise<boolean> {
    try {
      for (const milestone of job.untold ?? []) {
        await this.publications.publishOnce(
          milestoneRecord(job, milestone, this.config.topics.prefix),
        );
      }
    } catch (error) {
      this.logger.warn({ message: "job's life not told", jobId: job.id, error });
      const tellAt = Date.now() + AGAIN_MS;
      await this.updateJob(job, (now) => (now.untold ? { ...now, tellAt } : now));
      return false;
    }
    await this.updateJob(job, (now) => withoutPublished(now, job));
    return true;
  }

  /** What is not written is done again, and does no harm. */
  private async updateJob({ id }: Job, change: (now: Job) => Job): Promise<void> {
    try {
      await this.registry.updateJob(id, change);
    } catch (error) {
      this.logger.debug({ message: 'not written that a job was told', jobId: id, error });
    }
  }
}
