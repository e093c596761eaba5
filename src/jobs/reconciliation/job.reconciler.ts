import { setTimeout as delay } from 'node:timers/promises';
import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { CONFIG, type Config } from '../../config/config.js';
import { GeminiClient } from '../../gemini/gemini.client.js';
import { JobRegistry } from '../job-registry.js';
import { runEvery } from '../../infrastructure/timing/run-every.js';
import { SubmissionRecovery } from './submission-recovery.js';
import { LifecyclePublisher } from './lifecycle-publisher.js';
import { StatusPoller } from './status-poller.js';

const TICK_MS = 1000;
/** When the leader dies another goes on after this time. */
const LEASE_MS = 10_000;
const FORGOTTEN_AT_ONCE = 100;

/**
 * Has what is due done for the jobs, by one replica at a time. Each kind of work goes at its own
 * pace: what hangs in one does not hold up the others.
 *
 * Every step can be done twice, by two replicas even: what is published is published once by
 * its key, and what is written goes only forward. So who is not the leader any more does no harm.
 */
@Injectable()
export class JobReconciler implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(JobReconciler.name);
  private readonly ending = new AbortController();
  private leadsUntil = 0;
  private running: readonly Promise<void>[] = [];

  constructor(
    private readonly gemini: GeminiClient,
    private readonly registry: JobRegistry,
    private readonly teller: LifecyclePublisher,
    private readonly finder: SubmissionRecovery,
    private readonly watcher: StatusPoller,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  onApplicationBootstrap(): void {
    if (!this.gemini.configured) return;
    const { signal } = this.ending;
    this.running = [
      this.repeated(() => this.acquireLeadership(), LEASE_MS / 4),
      this.runAsLeader(() => this.teller.publishPending()),
      this.runAsLeader(() => this.finder.expireUnanswered()),
      this.runAsLeader(() => this.finder.recoverPending(signal)),
      this.runAsLeader(() => this.watcher.pollDue(signal)),
      this.runAsLeader(() => this.forget()),
    ];
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.ending.abort();
    const most = delay(this.config.shutdownTimeoutMs / 2, undefined, { ref: false });
    await Promise.race([Promise.all(this.running), most]);
  }

  private async acquireLeadership(): Promise<void> {
    const askedAt = performance.now();
    if (await this.registry.acquireLeadership(LEASE_MS))
      this.leadsUntil = askedAt + LEASE_MS;
    else this.leadsUntil = 0;
  }

  private async forget(): Promise<void> {
    const before = Date.now() - this.config.jobs.retentionMs;
    await this.registry.forgetEnded(before, FORGOTTEN_AT_ONCE);
  }

  private runAsLeader(work: () => Promise<void>): Promise<void> {
    return this.repeated(async () => {
      if (performance.now() < this.leadsUntil) await work();
    }, TICK_MS);
  }

  private repeated(work: () => Promise<void>, everyMs: number): Promise<void> {
    const onError = (error: unknown): void =>
      this.logger.debug({ message: 'jobs not looked after', error });
    return runEvery(work, { everyMs, signal: this.ending.signal, onError });
  }
}
