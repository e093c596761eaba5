import {
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { Metrics } from '../infrastructure/metrics/metrics.js';
import { runEvery } from '../infrastructure/timing/run-every.js';
import { JOB_KINDS } from './job-kinds.js';
import { JobRegistry, type JobStats } from './job-registry.js';

const REFRESH_MS = 15_000;

/**
 * The gauges of the jobs in the registry, and the zeros of the counter of reconciled ones. With Redis every replica reports the same figures, those of
 * all replicas together. They are read in the background, so that a scrape does not wait for Redis.
 */
@Injectable()
export class JobsMetrics implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(JobsMetrics.name);
  private readonly shutdown = new AbortController();
  /** Undefined while the registry does not answer. */
  private stats: JobStats | undefined;

  constructor(
    private readonly registry: JobRegistry,
    metrics: Metrics,
  ) {
    const kinds = JOB_KINDS.map(({ name }) => name);
    metrics.zeroSeries(metrics.reconciled, 'kind', kinds);
    metrics.observeEach(
      'jobs',
      'Jobs in the registry, of all replicas together',
      ['kind', 'state'],
      () =>
        this.stats?.counts.map(
          ({ kind, state, count }) => [{ kind, state }, count] as const,
        ) ?? [],
    );
    metrics.observe(
      'oldest_open_job_age_seconds',
      'Age of the oldest job that has not ended; 0 without one, -1 while it is not known',
      () => (this.stats ? ageSeconds(this.stats) : -1),
    );
  }

  onApplicationBootstrap(): void {
    const { signal } = this.shutdown;
    const onError = (error: unknown): void => {
      this.stats = undefined;
      this.logger.debug({ message: 'figures of jobs not read', error });
    };
    void runEvery(() => this.refresh(), { everyMs: REFRESH_MS, signal, onError });
  }

  beforeApplicationShutdown(): void {
    this.shutdown.abort();
  }

  async refresh(): Promise<void> {
    this.stats = await this.registry.stats();
  }
}

function ageSeconds({ oldestOpenAt }: JobStats): number {
  return oldestOpenAt === undefined ? 0 : Math.max(0, Date.now() - oldestOpenAt) / 1000;
}
