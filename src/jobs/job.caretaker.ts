import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '../config.js';
import { GeminiClient } from '../gemini/gemini.client.js';
import { GeminiError } from '../gemini/gemini.error.js';
import type { JobKind, Sighting } from '../kinds/job-kind.js';
import { kindOf } from '../kinds/job-kinds.js';
import { outcomeKey } from '../log/record-scan.js';
import { Metrics } from '../metrics/metrics.js';
import { Attempts } from '../publication/attempts.js';
import { EventPublisher } from '../publisher/event-publisher.js';
import { JobRegistry } from '../registry/job-registry.js';
import { advanced, ended, isOver, type Job } from '../registry/job.js';
import { without } from '../registry/json.js';
import { CallBudget } from './call-budget.js';
import { BudgetSpentError, GeminiQuestions } from './gemini-questions.js';
import { findOnGemini } from './job-finder.js';
import { milestoneRecord, reconciledRecord, type OnceRecord } from './job-record.js';
import { lost, named, notTaken } from './job.submitter.js';

const MAX_LOOK_MS = 3_600_000;
/** A job that Gemini does not know is believed to be gone when it is this old. */
const GONE_AFTER_MS = 5 * 60_000;
const JITTER = 0.2;
/** Until what failed is tried again; also between two searches, so that calls are saved up for one. */
const AGAIN_MS = 15_000;

/**
 * Looks after jobs that are due: tells Kafka what it is still to be told, finds out what
 * became of unanswered submissions, and asks Gemini about jobs that nobody has heard of.
 *
 * Every step can be done twice, by two replicas even: what is published is published once by
 * its key, and what is written goes only forward.
 */
@Injectable()
export class JobCaretaker {
  private readonly logger = new Logger(JobCaretaker.name);
  private readonly questions: GeminiQuestions;

  constructor(
    gemini: GeminiClient,
    private readonly registry: JobRegistry,
    private readonly attempts: Attempts,
    private readonly publisher: EventPublisher,
    private readonly metrics: Metrics,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    this.questions = new GeminiQuestions(
      gemini,
      new CallBudget(config.jobs.callsPerMinute),
    );
  }

  /** What there are no calls left for stays due; what fails is due again later, behind others. */
  async attend(jobs: readonly Job[]): Promise<void> {
    const told = await Promise.all(
      jobs.map((job) => this.guarded(job, () => this.tell(job))),
    );
    const open = told.filter((job) => job !== undefined && !isOver(job)) as Job[];
    for (const job of open.filter(({ state }) => state === 'submitting')) {
      await this.guarded(job, () => this.giveUpWaiting(job));
    }
    await this.settle(open.filter(({ state }) => state === 'unknown'));
    for (const job of open.filter(({ geminiName }) => geminiName !== undefined)) {
      if (!(await this.looked(job))) return;
    }
  }

  /** False when no call is left. */
  private async looked(job: Job): Promise<boolean> {
    try {
      await this.look(job);
    } catch (error) {
      if (error instanceof BudgetSpentError) return false;
      this.logger.warn({ message: 'job not looked at', jobId: job.id, error });
      const isGemini = error instanceof GeminiError;
      await this.postpone(job, isGemini ? this.nextLook(job) : Date.now() + AGAIN_MS);
    }
    return true;
  }

  private async postpone({ id }: Job, dueAt: number): Promise<void> {
    await this.guarded({ id }, () =>
      this.registry.change(id, (now) =>
        isOver(now) || now.untold ? now : { ...now, dueAt },
      ),
    );
  }

  /** Undefined when it failed. */
  private async guarded<T>(
    { id }: Pick<Job, 'id'>,
    work: () => Promise<T>,
  ): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof BudgetSpentError)) {
        this.logger.warn({ message: 'job not looked after', jobId: id, error });
      }
      return undefined;
    }
  }

  /** Tells Kafka, then forgets that it had to. */
  private async tell(job: Job): Promise<Job | undefined> {
    const { untold = [] } = job;
    for (const milestone of untold) {
      await this.once(milestoneRecord(job, milestone, this.config.topics.prefix));
    }
    if (untold.length === 0) return job;
    return this.registry.change(job.id, (now) => this.withoutTold(now, untold));
  }

  private withoutTold(job: Job, told: readonly string[]): Job {
    const untold = (job.untold ?? []).filter((milestone) => !told.includes(milestone));
    const rest = without(job, 'untold', 'dueAt');
    if (untold.length > 0) return { ...rest, untold, dueAt: Date.now() };
    return isOver(job) ? rest : { ...rest, dueAt: this.nextLook(job) };
  }

  /** Whoever was submitting it has died, or hangs. */
  private giveUpWaiting(job: Job): Promise<Job | undefined> {
    const error = new Error('whoever submitted it did not say what became of it');
    return this.registry.change(job.id, (now) => lost(now, error, new Date()));
  }

  private async settle(jobs: readonly Job[]): Promise<void> {
    const [first] = jobs;
    if (!first) return;
    const found = await this.guarded(first, () => findOnGemini(jobs, this.questions));
    if (!found) {
      const later = Date.now() + AGAIN_MS;
      await Promise.all(jobs.map((job) => this.postpone(job, later)));
      return;
    }
    for (const job of jobs) {
      await this.guarded(job, () =>
        this.registry.change(job.id, (now) =>
          found.has(job) ? this.settled(now, found.get(job)) : this.waitingForNews(now),
        ),
      );
    }
  }

  private settled(job: Job, name: string | undefined): Job {
    if (job.state !== 'unknown') return job;
    const at = new Date();
    if (name !== undefined) return named(job, name, at);
    const { settleMs } = this.config.jobs;
    const lookedForMs = at.getTime() - Date.parse(job.updatedAt);
    if (lookedForMs < settleMs) {
      return { ...job, dueAt: at.getTime() + Math.min(settleMs / 4, AGAIN_MS) };
    }
    const message = 'Gemini has no such job: it can be submitted again';
    return notTaken(job, at, { code: 'not-taken', message, retryable: true });
  }

  /** There is no list to look in: only a webhook can tell, for as long as they come. */
  private waitingForNews(job: Job): Job {
    if (job.state !== 'unknown' || isOver(job)) return job;
    const at = new Date();
    const endsAt = Date.parse(job.createdAt) + this.config.jobs.giveUpMs;
    return at.getTime() < endsAt ? { ...job, dueAt: endsAt } : ended(job, at);
  }

  private async look(job: Job): Promise<Job | undefined> {
    const kind = kindOf(job);
    const { id, geminiName = '' } = job;
    let sighting: Sighting;
    try {
      sighting = kind.seen(await this.questions.ask(kind.look(geminiName)));
    } catch (error) {
      if (error instanceof GeminiError && error.status === 404) return this.missing(job);
      throw error;
    }
    if (sighting.state && kind.events[sighting.state]) {
      await this.publishMissed(job, kind, sighting);
    }
    return this.registry.change(id, (now) => this.withSighting(now, sighting));
  }

  /** Unless its webhook has come: then this is the duplicate. */
  private async publishMissed(
    job: Job,
    kind: JobKind,
    sighting: Sighting,
  ): Promise<void> {
    const { prefix } = this.config.topics;
    const missed = reconciledRecord(job, kind, sighting, prefix);
    const claimed = this.attempts.once(outcomeKey(missed.outcome), this.deadline(), () =>
      this.once(missed),
    );
    if ((await claimed) === 'published') {
      this.metrics.reconciled.inc({ kind: kind.name });
      this.logger.warn({
        message: 'event published that was never delivered',
        jobId: job.id,
        topic: missed.record.topic,
      });
    }
  }

  private withSighting(job: Job, sighting: Sighting): Job {
    const { state, progress, outputFile, error } = sighting;
    const at = new Date();
    const seen: Job = {
      ...job,
      ...(progress && { progress }),
      ...(outputFile === undefined ? {} : { outputFile }),
      ...(error && { error }),
      updatedAt: at.toISOString(),
      dueAt: this.nextLook(job),
    };
    return state === undefined ? seen : advanced(seen, state, at);
  }

  private missing(job: Job): Promise<Job | undefined> {
    const at = new Date();
    return this.registry.change(job.id, (now) => {
      if (at.getTime() - Date.parse(now.createdAt) < GONE_AFTER_MS) {
        return { ...now, dueAt: this.nextLook(now) };
      }
      const error = { code: 'gone', message: 'Gemini does not know the job any more' };
      return advanced({ ...now, error }, 'failed', at);
    });
  }

  private once({ key, record }: OnceRecord): Promise<unknown> {
    return this.attempts.once(key, this.deadline(), async (permit) => {
      await this.publisher.publish(record, permit);
      this.metrics.accepted.inc({ topic: record.topic });
    });
  }

  private deadline(): number {
    return performance.now() + this.config.ackBudgetMs;
  }

  /** The older a job, the less its state has changed since the last look. Unix ms. */
  private nextLook({ createdAt }: Job): number {
    const now = Date.now();
    const { lookAfterMs } = this.config.jobs;
    const waitMs = Math.max(lookAfterMs, (now - Date.parse(createdAt)) / 4);
    const spread = 1 - JITTER / 2 + Math.random() * JITTER;
    return Math.round(
      now + Math.min(waitMs, Math.max(MAX_LOOK_MS, lookAfterMs)) * spread,
    );
  }
}
