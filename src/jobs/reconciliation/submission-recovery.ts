import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '../../config/config.js';
import { kindOf } from '../job-kinds.js';
import { markGivenUp, markUnknown, withName, markNotAccepted } from '../job-lifecycle.js';
import { JobRegistry } from '../job-registry.js';
import { hasEnded, NOT_TAKEN, type Job } from '../job.js';
import { RateLimitedGemini } from './rate-limited-gemini.js';
import { ListingScan } from './listing-scan.js';
import { nextPollAt } from '../poll-schedule.js';

const AT_ONCE = 500;
/** Until what failed is tried again, and what a search is under way for is asked about. */
const AGAIN_MS = 15_000;

/** Finds out what became of submissions that were not answered. */
@Injectable()
export class SubmissionRecovery {
  private readonly logger = new Logger(SubmissionRecovery.name);
  /** Also those that are not at the end of their list yet. */
  private readonly searches = new Set<ListingScan>();

  constructor(
    private readonly registry: JobRegistry,
    private readonly questions: RateLimitedGemini,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Whoever was submitting these has died, or hangs. */
  async expireUnanswered(): Promise<void> {
    const error = new Error('whoever submitted it did not say what became of it');
    for (const job of await this.registry.due('release', Date.now(), AT_ONCE)) {
      await this.updateJob(job, (now) =>
        now.attempts === job.attempts ? markUnknown(now, error, new Date()) : now,
      );
    }
  }

  async recoverPending(signal: AbortSignal): Promise<void> {
    for (const job of await this.registry.due('find', Date.now(), AT_ONCE)) {
      await this.want(job);
    }
    for (const search of this.searches) await this.continueScan(search, signal);
  }

  private async want(job: Job): Promise<void> {
    const search = this.searchFor(job);
    if (!search) return this.updateJob(job, (now) => this.stillOpen(now, Infinity));
    if (search.startedAt === undefined) search.wanted.set(job.id, job);
    else await this.updateJob(job, (now) => this.stillOpen(now, Date.now() + AGAIN_MS));
  }

  /** Undefined where there is no list to look in: only a webhook can tell then. */
  private searchFor(job: Job): ListingScan | undefined {
    const listing = listingOf(job);
    if (!listing) return undefined;
    const model = listing.isByModel ? (job.model ?? '') : '';
    for (const search of this.searches) {
      if (search.listing === listing && search.model === model) return search;
    }
    const search = new ListingScan(listing, model);
    this.searches.add(search);
    return search;
  }

  /** What fails in one list is tried again later, and leaves the others as they are. */
  private async continueScan(search: ListingScan, signal: AbortSignal): Promise<void> {
    try {
      if (!(await search.scanNext(this.questions, signal))) return;
      this.searches.delete(search);
      for (const job of search.wanted.values()) {
        await this.updateJob(job, (now) => this.resolveJob(now, job, search));
      }
    } catch (error) {
      this.searches.delete(search);
      this.logger.warn({ message: "Gemini's list not read", error });
      for (const job of search.wanted.values()) {
        await this.updateJob(job, (now) => this.stillOpen(now, Date.now() + AGAIN_MS));
      }
    }
  }

  /** @param then the job as it was when the search began. */
  private resolveJob(job: Job, then: Job, search: ListingScan): Job {
    const { attempts, state, geminiName } = job;
    if (hasEnded(job) || state === 'submitting' || attempts !== then.attempts) return job;
    if (geminiName !== undefined) return job;
    const name = search.names.get(job.id);
    const later = nextPollAt(job, this.config.jobs.lookAfterMs);
    if (name !== undefined) return withName(job, name, new Date(), later);
    if (!search.isConclusive || state !== 'unknown') return this.stillOpen(job, later);
    const { settleMs } = this.config.jobs;
    if ((search.startedAt ?? 0) < Date.parse(job.updatedAt) + settleMs) {
      return { ...job, dueAt: Date.now() + Math.min(settleMs / 4, AGAIN_MS) };
    }
    const message = 'Gemini has no such job: it can be submitted again';
    const error = { code: NOT_TAKEN, message, retryable: true };
    return markNotAccepted(job, error, new Date());
  }

  /** @param nextMs when to look for it again, unless it is given up before. */
  private stillOpen(job: Job, nextMs: number): Job {
    if (hasEnded(job) || job.state === 'submitting' || job.geminiName !== undefined) {
      return job;
    }
    const endsAt = Date.parse(job.updatedAt) + this.config.jobs.giveUpMs;
    return Date.now() < endsAt
      ? { ...job, dueAt: Math.min(endsAt, nextMs) }
      : markGivenUp(job, new Date());
  }

  private async updateJob({ id }: Job, change: (now: Job) => Job): Promise<void> {
    try {
      await this.registry.updateJob(id, change);
    } catch (error) {
      this.logger.debug({ message: 'job not found out about', jobId: id, error });
    }
  }
}

/** Undefined also for a kind that this build does not have. */
function listingOf(job: Job) {
  try {
    return kindOf(job).listing;
  } catch {
    return undefined;
  }
}
