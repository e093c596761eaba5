import { Injectable, Logger } from '@nestjs/common';
import type { JobsConfig } from '../../config/config.js';
import { InjectConfig } from '../../config/inject-config.js';
import { kindOf } from '../job-kinds.js';
import { markGivenUp, markUnknown, withName, markNotAccepted } from '../job-lifecycle.js';
import { JobRegistry } from '../job-registry.js';
import { hasEnded, NOT_TAKEN, type Job } from '../job.js';
import { RateLimitedGemini } from './rate-limited-gemini.js';
import { ListingScan } from './listing-scan.js';
import { nextPollAt } from '../poll-schedule.js';

const MAX_JOBS_PER_ROUND = 500;
/** Delay after a failed scan, and for a job that waits for the next scan of its list. */
const RETRY_MS = 15_000;

/** Resolves submissions that Gemini did not answer, by searching its lists of jobs. */
@Injectable()
export class SubmissionRecovery {
  private readonly logger = new Logger(SubmissionRecovery.name);
  /** Scans that are not at their end yet. */
  private readonly scans = new Set<ListingScan>();

  constructor(
    private readonly registry: JobRegistry,
    private readonly gemini: RateLimitedGemini,
    @InjectConfig('jobs') private readonly jobsConfig: JobsConfig,
  ) {}

  /** Marks submissions `unknown` whose lease has expired: their process died or hangs. */
  async expireUnanswered(): Promise<void> {
    const error = new Error(
      'the replica that submitted the job recorded no outcome in time',
    );
    const now = Date.now();
    const jobs = await this.registry.findDue('release', now, MAX_JOBS_PER_ROUND);
    for (const job of jobs) {
      await this.updateJob(job, (current) =>
        current.attempts === job.attempts
          ? markUnknown(current, error, new Date())
          : current,
      );
    }
  }

  async recoverPending(signal: AbortSignal): Promise<void> {
    const now = Date.now();
    const jobs = await this.registry.findDue('find', now, MAX_JOBS_PER_ROUND);
    for (const job of jobs) await this.addToScan(job);
    for (const scan of this.scans) await this.continueScan(scan, signal);
  }

  private async addToScan(job: Job): Promise<void> {
    const scan = this.scanFor(job);
    if (!scan) return this.updateJob(job, (now) => this.retryOrGiveUp(now, Infinity));
    if (scan.startedAt === undefined) scan.wanted.set(job.id, job);
    else {
      const retryAt = Date.now() + RETRY_MS;
      await this.updateJob(job, (now) => this.retryOrGiveUp(now, retryAt));
    }
  }

  /** @returns undefined if Gemini has no list for the job: only its webhook can resolve it. */
  private scanFor(job: Job): ListingScan | undefined {
    const listing = listingOf(job);
    if (!listing) return undefined;
    const model = listing.isByModel ? (job.model ?? '') : '';
    for (const scan of this.scans) {
      if (scan.listing === listing && scan.model === model) return scan;
    }
    const scan = new ListingScan(listing, model);
    this.scans.add(scan);
    return scan;
  }

  /** Runs a turn of a scan. A failed scan is dropped and its jobs are retried; others continue. */
  private async continueScan(scan: ListingScan, signal: AbortSignal): Promise<void> {
    try {
      if (!(await scan.scanNext(this.gemini, signal))) return;
      this.scans.delete(scan);
      for (const job of scan.wanted.values()) {
        await this.updateJob(job, (now) => this.resolveJob(now, job, scan));
      }
    } catch (error) {
      this.scans.delete(scan);
      this.logger.warn({ message: "scan of Gemini's job list failed", error });
      const retryAt = Date.now() + RETRY_MS;
      for (const job of scan.wanted.values()) {
        await this.updateJob(job, (now) => this.retryOrGiveUp(now, retryAt));
      }
    }
  }

  /** @param before the job when the scan began. */
  private resolveJob(job: Job, before: Job, scan: ListingScan): Job {
    const { attempts, state, geminiName } = job;
    if (hasEnded(job) || state === 'submitting' || attempts !== before.attempts)
      return job;
    if (geminiName !== undefined) return job;
    const name = scan.names.get(job.id);
    const pollAt = nextPollAt(job, this.jobsConfig.lookAfterMs);
    if (name !== undefined) return withName(job, name, new Date(), pollAt);
    if (!scan.isConclusive || state !== 'unknown') return this.retryOrGiveUp(job, pollAt);
    const { settleMs } = this.jobsConfig;
    if ((scan.startedAt ?? 0) < Date.parse(job.updatedAt) + settleMs) {
      return { ...job, dueAt: Date.now() + Math.min(settleMs / 4, RETRY_MS) };
    }
    const message = 'Gemini has no such job: it can be submitted again';
    const error = { code: NOT_TAKEN, message, retryable: true };
    return markNotAccepted(job, error, new Date());
  }

  /** Schedules the next search of an unresolved job, or gives it up. @param retryAt Unix ms. */
  private retryOrGiveUp(job: Job, retryAt: number): Job {
    if (hasEnded(job) || job.state === 'submitting' || job.geminiName !== undefined) {
      return job;
    }
    const endsAt = Date.parse(job.updatedAt) + this.jobsConfig.giveUpMs;
    return Date.now() < endsAt
      ? { ...job, dueAt: Math.min(endsAt, retryAt) }
      : markGivenUp(job, new Date());
  }

  private async updateJob({ id }: Job, change: (now: Job) => Job): Promise<void> {
    try {
      await this.registry.updateJob(id, change);
    } catch (error) {
      this.logger.debug({ message: 'resolved submission not stored', jobId: id, error });
    }
  }
}

/** @returns undefined also for a kind that only another version of the bridge knows. */
function listingOf(job: Job) {
  try {
    return kindOf(job).listing;
  } catch {
    return undefined;
  }
}
