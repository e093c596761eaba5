import { setTimeout as delay } from 'node:timers/promises';
import {
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import type { JobsConfig } from '../../config/config.js';
import { InjectConfig } from '../../config/inject-config.js';
import { GeminiClient } from '../../gemini/gemini.client.js';
import { JobRegistry } from '../job-registry.js';
import { runEvery } from '../../infrastructure/timing/run-every.js';
import { SubmissionRecovery } from './submission-recovery.js';
import { LifecyclePublisher } from './lifecycle-publisher.js';
import { StatusPoller } from './status-poller.js';

const TICK_MS = 1000;
/** Another replica becomes the leader at the latest after this time. */
const LEASE_MS = 10_000;
const MAX_FORGOTTEN_PER_TICK = 100;

/**
 * Runs the tasks of the jobs on one replica, the leader. Each task has a loop of its own, so that
 * a slow one does not delay the others.
 *
 * Two leaders do no harm: records are published once by their key, and transitions never take a
 * job back.
 */
@Injectable()
export class JobReconciler implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(JobReconciler.name);
  private readonly shutdown = new AbortController();
  /** On the clock of `performance.now()`. */
  private leaderUntil = 0;
  private loops: readonly Promise<void>[] = [];

  constructor(
    private readonly gemini: GeminiClient,
    private readonly registry: JobRegistry,
    private readonly lifecyclePublisher: LifecyclePublisher,
    private readonly submissionRecovery: SubmissionRecovery,
    private readonly statusPoller: StatusPoller,
    @InjectConfig('shutdownTimeoutMs') private readonly shutdownTimeoutMs: number,
    @InjectConfig('jobs') private readonly jobsConfig: JobsConfig,
  ) {}

  onApplicationBootstrap(): void {
    if (!this.gemini.configured) return;
    const { signal } = this.shutdown;
    this.loops = [
      this.runLoop('leadership', () => this.acquireLeadership(), LEASE_MS / 4),
      this.runAsLeader('publish', () => this.lifecyclePublisher.publishPending()),
      this.runAsLeader('expire', () => this.submissionRecovery.expireUnanswered()),
      this.runAsLeader('recover', () => this.submissionRecovery.recoverPending(signal)),
      this.runAsLeader('poll', () => this.statusPoller.pollDue(signal)),
      this.runAsLeader('forget', () => this.forgetEnded()),
    ];
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.shutdown.abort();
    const limit = delay(this.shutdownTimeoutMs / 2, undefined, { ref: false });
    await Promise.race([Promise.all(this.loops), limit]);
  }

  private async acquireLeadership(): Promise<void> {
    const askedAt = performance.now();
    const isLeader = await this.registry.acquireLeadership(LEASE_MS);
    this.leaderUntil = isLeader ? askedAt + LEASE_MS : 0;
  }

  private async forgetEnded(): Promise<void> {
    const before = Date.now() - this.jobsConfig.retentionMs;
    await this.registry.forgetEnded(before, MAX_FORGOTTEN_PER_TICK);
  }

  private runAsLeader(task: string, work: () => Promise<void>): Promise<void> {
    const workIfLeader = async (): Promise<void> => {
      if (performance.now() < this.leaderUntil) await work();
    };
    return this.runLoop(task, workIfLeader, TICK_MS);
  }

  private runLoop(
    task: string,
    work: () => Promise<void>,
    everyMs: number,
  ): Promise<void> {
    const onError = (error: unknown): void =>
      this.logger.debug({ message: 'reconciler task failed', task, error });
    return runEvery(work, { everyMs, signal: this.shutdown.signal, onError });
  }
}
