import type { Listing } from '../job-kind.js';
import type { Job } from '../job.js';
import { BudgetSpentError, type RateLimitedGemini } from './rate-limited-gemini.js';

/** Margin for the difference between Gemini's clock and this host's. */
const CLOCK_MARGIN_MS = 5 * 60_000;
/** A page has a hundred jobs. */
const MAX_PAGES = 2000;
/** After this many pages the scans of the other lists have their turn. */
const PAGES_PER_TURN = 5;

/**
 * Searches one of Gemini's lists for jobs whose submission was not answered, by the bridge's id
 * in each entry. It reads from the newest entry back to the oldest of these submissions. The
 * list can be long, so a scan runs in turns.
 */
export class ListingScan {
  /** Jobs to find, by id. */
  readonly wanted = new Map<string, Job>();
  /** Names of the jobs that were found, by id. */
  readonly names = new Map<string, string>();
  /** Unix ms of the first request; undefined before. Jobs that were created later may be missing. */
  startedAt: number | undefined;
  /** True once an entry was identified, or if the list proves something even when it is empty. */
  private hasIdentified: boolean;
  /** True once an entry could be a wanted job and was not identified. */
  private hasUnidentified = false;
  /** Unix ms; older entries cannot be wanted. */
  private since = 0;
  private pages = 0;
  private pageToken: string | undefined;
  /** True while all entries came newest first; undefined before two entries show an order. */
  private isNewestFirst: boolean | undefined;
  private lastAt = Infinity;

  constructor(
    readonly listing: Listing,
    readonly model: string,
  ) {
    this.hasIdentified = listing.isEmptyConclusive;
  }

  /** True if absence from the finished scan proves that Gemini has no such job. */
  get isConclusive(): boolean {
    return this.hasIdentified && !this.hasUnidentified;
  }

  /**
   * Reads the next pages, as far as the budget of calls allows.
   *
   * @returns true at the end of the scan.
   * @throws {GeminiError}
   */
  async scanNext(gemini: RateLimitedGemini, signal: AbortSignal): Promise<boolean> {
    try {
      for (let page = 0; page < PAGES_PER_TURN && !signal.aborted; page++) {
        if (await this.scanPage(gemini)) return true;
      }
    } catch (error) {
      if (!(error instanceof BudgetSpentError)) throw error;
    }
    return false;
  }

  /** @returns true at the end of the scan. */
  private async scanPage(gemini: RateLimitedGemini): Promise<boolean> {
    const { listing, model } = this;
    const requestedAt = Date.now();
    const request = listing.pageRequest(model, this.pageToken);
    const { jobs, nextPageToken } = await gemini.ask('recover', request, (answer) =>
      listing.parsePage(answer),
    );
    if (this.startedAt === undefined) this.start(requestedAt);
    for (const { name, jobId, isIdentified, at } of jobs) {
      if (jobId !== undefined && this.wanted.has(jobId)) this.names.set(jobId, name);
      this.hasIdentified ||= isIdentified;
      this.hasUnidentified ||= !isIdentified && !(at < this.since);
      this.updateOrder(at);
    }
    this.pageToken = nextPageToken;
    const isPastWanted = this.isNewestFirst && this.lastAt < this.since;
    if (nextPageToken === undefined || isPastWanted) return true;
    if (this.names.size === this.wanted.size) return true;
    if (++this.pages < MAX_PAGES) return false;
    // The rest of the list was not read, so absence proves nothing
    this.hasUnidentified = true;
    return true;
  }

  private updateOrder(at: number): void {
    if (!(at <= this.lastAt)) this.isNewestFirst = false;
    else if (at < this.lastAt && this.lastAt !== Infinity) this.isNewestFirst ??= true;
    this.lastAt = at;
  }

  private start(at: number): void {
    this.startedAt = at;
    const createdAt = Array.from(this.wanted.values(), (job) =>
      Date.parse(job.createdAt),
    );
    this.since = Math.min(...createdAt) - CLOCK_MARGIN_MS;
  }
}
