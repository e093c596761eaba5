import { Injectable, Logger } from '@nestjs/common';
import type { JobsConfig, TopicsConfig } from '../../config/config.js';
import { InjectConfig } from '../../config/inject-config.js';
import { GeminiError, isMissing } from '../../gemini/gemini.error.js';
import type { JobKind, JobSnapshot } from '../job-kind.js';
import { kindOf } from '../job-kinds.js';
import { Metrics } from '../../infrastructure/metrics/metrics.js';
import {
  markAccepted,
  withError,
  withProgress,
  withReconciledEvent,
} from '../job-lifecycle.js';
import { JobRegistry } from '../job-registry.js';
import { GONE, hasEnded, type Job, type JobEvent } from '../job.js';
import { without } from '../../infrastructure/json/json.js';
import {
  BudgetSpentError,
  RateLimitedGemini,
  isTransient,
} from './rate-limited-gemini.js';
import { reconciledRecord } from './job-records.js';
import { OncePublisher } from './once-publisher.js';
import { nextPollAt } from '../poll-schedule.js';

const MAX_JOBS_PER_ROUND = 100;
const MAX_CONCURRENT = 8;
/** A job counts as gone after Gemini has answered 404 for this long. */
const GONE_AFTER_MS = 3_600_000;
/** Delay of the next poll after a transient failure. */
const RETRY_MS = 15_000;

/** Polls Gemini for jobs without recent news, and publishes the events that Gemini did not deliver. */
@Injectable()
export class StatusPoller {
  private readonly logger = new Logger(StatusPoller.name);

  constructor(
    private readonly registry: JobRegistry,
    private readonly gemini: RateLimitedGemini,
    private readonly publisher: OncePublisher,
    private readonly metrics: Metrics,
    @InjectConfig('topics') private readonly topicsConfig: TopicsConfig,
    @InjectConfig('jobs') private readonly jobsConfig: JobsConfig,
  ) {}

  /** Jobs that exceed the budget of calls stay due. A job whose poll failed is due again later. */
  async pollDue(signal: AbortSignal): Promise<void> {
    const jobs = await this.registry.findDue('look', Date.now(), MAX_JOBS_PER_ROUND);
    for (let at = 0; at < jobs.length && !signal.aborted; at += MAX_CONCURRENT) {
      const group = jobs.slice(at, at + MAX_CONCURRENT);
      const hadCalls = await Promise.all(group.map((job) => this.pollOrPostpone(job)));
      if (hadCalls.includes(false)) return;
    }
  }

  /** @returns false if the budget has no call left. */
  private async pollOrPostpone(job: Job): Promise<boolean> {
    try {
      await this.poll(job);
    } catch (error) {
      if (error instanceof BudgetSpentError) return false;
      this.logger.warn({ message: 'poll of a job failed', jobId: job.id, error });
      await this.postpone(job, this.retryAt(job, error));
    }
    return true;
  }

  /** A refused poll will be refused again, so the job waits for its regular interval. */
  private retryAt(job: Job, error: unknown): number {
    const isRefused = error instanceof GeminiError && !isTransient(error);
    return isRefused ? this.nextPollAt(job) : Date.now() + RETRY_MS;
  }

  private async postpone({ id }: Job, dueAt: number): Promise<void> {
    try {
      await this.registry.updateJob(id, (now) =>
        hasEnded(now) ? now : { ...now, dueAt },
      );
    } catch (error) {
      this.logger.debug({ message: 'next poll not stored', jobId: id, error });
    }
  }

  private async poll(job: Job): Promise<void> {
    const kind = kindOf(job);
    const { geminiName = '' } = job;
    let snapshot: JobSnapshot;
    try {
      snapshot = await this.gemini.ask('poll', kind.statusRequest(geminiName), (answer) =>
        kind.parseStatus(answer),
      );
    } catch (error) {
      if (isMissing(error)) return this.handleMissing(job);
      throw error;
    }
    const isAnnounced = snapshot.state && kind.events[snapshot.state];
    const event = isAnnounced && (await this.publishMissed(job, kind, snapshot));
    await this.registry.updateJob(job.id, (now) => {
      const seen = this.applySnapshot(now, snapshot);
      return event ? withReconciledEvent(seen, event) : seen;
    });
  }

  /**
   * Publishes the event of the polled state, unless a delivery of it was published.
   *
   * @returns the polled event if it is on Kafka, from this poll or an earlier one.
   */
  private async publishMissed(
    job: Job,
    kind: JobKind,
    snapshot: JobSnapshot,
  ): Promise<JobEvent | undefined> {
    const { prefix } = this.topicsConfig;
    const { endId, event, ...missed } = reconciledRecord(job, kind, snapshot, prefix);
    const result = await this.publisher.publishEnd(endId, missed);
    if (result === 'duplicate') {
      return (await this.publisher.isPublished(missed)) ? event : undefined;
    }
    this.metrics.reconciled.inc({ kind: kind.name });
    this.logger.warn({
      message: 'event published after a poll: no delivery of it was accepted before',
      jobId: job.id,
      topic: missed.record.topic,
    });
    return event;
  }

  /** Applies a polled state. A job that ended meanwhile only gains members that it lacks. */
  private applySnapshot(job: Job, snapshot: JobSnapshot): Job {
    const { state, progress, outputFile, error } = snapshot;
    const at = new Date();
    const seen: Job = {
      ...(hasEnded(job) ? job : without(markAccepted(job, at), 'missingSince')),
      ...(progress && { progress }),
      ...(outputFile !== undefined && { outputFile }),
    };
    if (hasEnded(job)) {
      return error && state === job.state ? withError(seen, error) : seen;
    }
    const open: Job = {
      ...seen,
      ...(error && { error }),
      updatedAt: at.toISOString(),
      dueAt: this.nextPollAt(job),
    };
    return state === undefined ? open : withProgress(open, state, at);
  }

  /** Ends a job as `gone` after an hour of 404, and polls it again before. */
  private async handleMissing({ id }: Job): Promise<void> {
    const at = new Date();
    await this.registry.updateJob(id, (now) => {
      if (hasEnded(now)) return now;
      const { missingSince = at.getTime() } = now;
      if (at.getTime() - missingSince < GONE_AFTER_MS) {
        return { ...now, missingSince, dueAt: this.nextPollAt(now) };
      }
      const error = {
        code: GONE,
        message: 'Gemini answered 404 for the job for an hour',
      };
      return withProgress({ ...now, error }, 'failed', at);
    });
  }

  private nextPollAt(job: Job): number {
    return nextPollAt(job, this.jobsConfig.lookAfterMs);
  }
}
