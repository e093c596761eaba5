import { setTimeout as delay } from 'node:timers/promises';
import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { CONFIG, type Config } from '../config.js';
import { GeminiClient } from '../gemini/gemini.client.js';
import { JobRegistry } from '../registry/job-registry.js';
import { JobCaretaker } from './job.caretaker.js';

const TICK_MS = 1000;
/** When the leader dies another goes on after this time. */
const LEASE_MS = 10_000;
const JOBS_A_TICK = 100;

/** Has the jobs that are due looked after, by one replica at a time. */
@Injectable()
export class JobReconciler implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(JobReconciler.name);
  private readonly ending = new AbortController();
  private running: Promise<void> | undefined;

  constructor(
    private readonly gemini: GeminiClient,
    private readonly registry: JobRegistry,
    private readonly caretaker: JobCaretaker,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  onApplicationBootstrap(): void {
    if (this.gemini.configured) this.running = this.run();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.ending.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.ending;
    while (!signal.aborted) {
      try {
        await this.tick();
      } catch (error) {
        this.logger.debug({ message: 'jobs not looked after', error });
      }
      await delay(TICK_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  private async tick(): Promise<void> {
    if (!(await this.registry.lead(LEASE_MS))) return;
    // Gemini may take its time to answer
    const renewal = setInterval(() => void this.renew(), LEASE_MS / 3);
    try {
      await this.caretaker.attend(await this.registry.due(Date.now(), JOBS_A_TICK));
      const before = Date.now() - this.config.jobs.retentionMs;
      await this.registry.forgetEnded(before, JOBS_A_TICK);
    } finally {
      clearInterval(renewal);
    }
  }

  /** Who is not the leader any more does no harm: every step can be done twice. */
  private async renew(): Promise<void> {
    await this.registry.lead(LEASE_MS).catch(() => false);
  }
}
