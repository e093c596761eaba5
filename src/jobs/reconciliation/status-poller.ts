import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '../../config/config.js';
import { GeminiError, isMissing } from '../../gemini/gemini.error.js';
import type { JobKind, JobSnapshot } from '../job-kind.js';
import { kindOf } from '../job-kinds.js';
import { Metrics } from '../../infrastructure/metrics/metrics.js';
import { withProgress, markAccepted } from '../job-lifecycle.js';
import { JobRegistry } from '../job-registry.js';
import { GONE, hasEnded, type Job } from '../job.js';
import { without } from '../../infrastructure/json/json.js';
import { BudgetSpentError, RateLimitedGemini, isPassing } from './rate-limited-gemini.js';
import { reconciledRecord } from './job-records.js';
import { OncePublisher } from './once-publisher.js';
import { nextPollAt } from '../poll-schedule.js';

const A_ROUND = 100;
const AT_ONCE = 8;
/** A job is believed to be gone when Gemini has said for so long that it does not know it. */
const GONE_AFTER_MS = 3_600_000;
/** Until what failed is tried again. */
const AGAIN_MS = 15_000;

/** Asks Gemini about jobs that nobody has heard of, and publishes the events that were missed. */
@Injectable()
export class StatusPoller {
  private readonly logger = new Logger(StatusPoller.name);

  constructor(
    private readonly registry: JobRegistry,
    private readonly questions: RateLimitedGemini,
    private readonly publications: OncePublisher,
    private readonly metrics: Metrics,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Those for which there are no calls left stay due; what fails is due again later, behind others. */
  async pollDue(signal: AbortSignal): Promise<void> {
    const jobs = await this.registry.due('look', Date.now(), A_ROUND);
    for (let at = 0; at < jobs.length && !signal.aborted; at += AT_ONCE) {
      const few = jobs.slice(at, at + AT_ONCE);
      const pollJob = await Promise.all(few.map((job) => this.looked(job)));
      if (pollJob.includes(false)) return;
    }
  }

  /** False when no call is left. */
  private async looked(job: Job): Promise<boolean> {
    try {
      await this.poll(job);
    } catch (error) {
      if (error instanceof BudgetSpentError) return false;
      this.logger.warn({ message: 'job not looked at', jobId: job.id, error });
      await this.postpone(job, this.nextTry(job, error));
    }
    return true;
  }

  /** What is wrong with the question will be wrong again. */
  private nextTry(job: Job, error: unknown): number {
    const isRefused = error instanceof GeminiError && !isPassing(error);
    return isRefused ? this.nextLook(job) : Date.now() + AGAIN_MS;
  }

  private async postpone({ id }: Job, dueAt: number): Promise<void> {
    try {
      await this.registry.updateJob(id, (now) =>
        hasEnded(now) ? now : { ...now, dueAt },
      );
    } catch (error) {
      this.logger.debug({ message: 'job not postponed', jobId: id, error });
    }
  }

  private async poll(job: Job): Promise<void> {
    const kind = kindOf(job);
    const { geminiName = '' } = job;
    let sighting: JobSnapshot;
    try {
      sighting = await this.questions.ask(
        'look',
        kind.statusRequest(geminiName),
        (answer) => kind.parseStatus(answer),
      );
    } catch (error) {
      if (isMissing(error)) return this.handleMissing(job);
      throw error;
    }
    if (sighting.state && kind.events[sighting.state]) {
      await this.publishMissed(job, kind, sighting);
    }
    await this.registry.updateJob(job.id, (now) => this.applySnapshot(now, sighting));
  }

  /** Unless its webhook has come: then this is the duplicate. */
  private async publishMissed(
    job: Job,
    kind: JobKind,
    sighting: JobSnapshot,
  ): Promise<void> {
    const { prefix } = this.config.topics;
    const { outcome, ...missed } = reconciledRecord(job, kind, sighting, prefix);
    const result = await this.publications.publishOutcome(outcome, missed);
    if (result === 'duplicate') return;
    this.metrics.reconciled.inc({ kind: kind.name });
    this.logger.warn({
      message: 'event published that was never delivered',
      jobId: job.id,
      topic: missed.record.topic,
    });
  }

  /** A job that has ended meanwhile only learns what it did not know. */
  private applySnapshot(job: Job, sighting: JobSnapshot): Job {
    const { state, progress, outputFile, error } = sighting;
    const at = new Date();
    const seen: Job = {
      ...(hasEnded(job) ? job : without(markAccepted(job, at), 'missingSince')),
      ...(progress && { progress }),
      ...(outputFile !== undefined && { outputFile }),
    };
    if (hasEnded(job)) return seen;
    const open: Job = {
      ...seen,
      ...(error && { error }),
      updatedAt: at.toISOString(),
      dueAt: this.nextLook(job),
    };
    return state === undefined ? open : withProgress(open, state, at);
  }

  private async handleMissing({ id }: Job): Promise<void> {
    const at = new Date();
    await this.registry.updateJob(id, (now) => {
      if (hasEnded(now)) return now;
      const { missingSince = at.getTime() } = now;
      if (at.getTime() - missingSince < GONE_AFTER_MS) {
        return { ...now, missingSince, dueAt: this.nextLook(now) };
      }
      const error = { code: GONE, message: 'Gemini does not know the job any more' };
      return withProgress({ ...now, error }, 'failed', at);
    });
  }

  private nextLook(job: Job): number {
    return nextPollAt(job, this.config.jobs.lookAfterMs);
  }
}
