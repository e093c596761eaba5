import type { DedupeConfig, JobsConfig, TopicsConfig } from '../../src/config/config.js';
import { MemoryDedupeStore } from '../../src/publishing/dedupe/memory.dedupe-store.js';
import { RateLimitedGemini } from '../../src/jobs/reconciliation/rate-limited-gemini.js';
import { SubmissionRecovery } from '../../src/jobs/reconciliation/submission-recovery.js';
import { OncePublisher } from '../../src/jobs/reconciliation/once-publisher.js';
import { LifecyclePublisher } from '../../src/jobs/reconciliation/lifecycle-publisher.js';
import { StatusPoller } from '../../src/jobs/reconciliation/status-poller.js';
import { Metrics } from '../../src/infrastructure/metrics/metrics.js';
import { Publications } from '../../src/publishing/publications.js';
import type { Job } from '../../src/jobs/job.js';
import { MemoryJobRegistry } from '../../src/jobs/registry/memory.job-registry.js';
import { FakeGemini } from './fake-gemini.js';
import { knownJob } from './jobs.js';
import { RecordingPublisher } from './recording.publisher.js';

export const SETTLE_MS = 120_000;
export const GIVE_UP_MS = 26 * 3_600_000;
export const LOOK_AFTER_MS = 300_000;
const DAY_MS = 24 * 3_600_000;

export const ago = (ms: number): string => new Date(Date.now() - ms).toISOString();

/** A job that is due. */
export const dueJob = (more: Partial<Job> = {}): Job =>
  knownJob({ createdAt: ago(1000), updatedAt: ago(1000), dueAt: Date.now(), ...more });

/** The job reconciliation with a registry in memory and a Gemini whose answers the test chooses. */
export class JobReconciliation {
  readonly gemini = new FakeGemini();
  readonly registry = new MemoryJobRegistry();
  readonly store = new MemoryDedupeStore(DAY_MS, 100);
  readonly publisher = new RecordingPublisher();
  readonly rateLimitedGemini: RateLimitedGemini;
  readonly lifecyclePublisher: LifecyclePublisher;
  readonly submissionRecovery: SubmissionRecovery;
  readonly statusPoller: StatusPoller;
  private readonly signal = new AbortController().signal;

  constructor({ callsPerMinute = 600, ackBudgetMs = 4000 } = {}) {
    const topics = { prefix: 'gemini' } as TopicsConfig;
    const jobs = {
      callsPerMinute,
      lookAfterMs: LOOK_AFTER_MS,
      settleMs: SETTLE_MS,
      giveUpMs: GIVE_UP_MS,
    } as JobsConfig;
    const metrics = new Metrics();
    const attempts = new Publications(this.store, metrics, 0, {} as DedupeConfig);
    const publications = new OncePublisher(
      attempts,
      this.publisher,
      metrics,
      ackBudgetMs,
    );
    const { registry, gemini } = this;
    this.rateLimitedGemini = new RateLimitedGemini(gemini, jobs);
    this.lifecyclePublisher = new LifecyclePublisher(registry, publications, topics);
    this.submissionRecovery = new SubmissionRecovery(
      registry,
      this.rateLimitedGemini,
      jobs,
    );
    this.statusPoller = new StatusPoller(
      registry,
      this.rateLimitedGemini,
      publications,
      metrics,
      topics,
      jobs,
    );
  }

  find(): Promise<void> {
    return this.submissionRecovery.recoverPending(this.signal);
  }

  watch(): Promise<void> {
    return this.statusPoller.pollDue(this.signal);
  }

  /** Runs every task that is due, once. */
  async round(): Promise<void> {
    await this.lifecyclePublisher.publishPending();
    await this.submissionRecovery.expireUnanswered();
    await this.find();
    await this.watch();
  }

  /** The job after one round. */
  async attended(job: Job): Promise<Job> {
    await this.registry.add(job);
    await this.round();
    return (await this.registry.find(job.id)) as Job;
  }

  /** Makes Gemini answer every request with `answer`. */
  answers(answer: unknown): void {
    this.gemini.answer = () => Promise.resolve(answer);
  }

  get topics(): string[] {
    return this.publisher.records.map(({ topic }) => topic);
  }
}
