import type { Listing } from '../job-kind.js';
import type { Job } from '../job.js';
import { BudgetSpentError, type RateLimitedGemini } from './rate-limited-gemini.js';

/** Gemini's clock and ours may differ by this much. */
const CLOCK_MARGIN_MS = 5 * 60_000;
/** Of a hundred jobs each. */
const MAX_PAGES = 2000;
/** Until the other lists have their turn. */
const PAGES_A_TURN = 5;

/**
 * Looks through one of Gemini's lists for jobs whose submission was not answered, by our id in
 * what it says of each: from the newest back to when they were submitted. It may take many
 * pages, so it can be left and gone on with.
 */
export class ListingScan {
  readonly wanted = new Map<string, Job>();
  /** By our id. */
  readonly names = new Map<string, string>();
  /** When the first page was asked for, Unix ms; undefined before. What was made later may be missing. */
  startedAt: number | undefined;
  private hasTold: boolean;
  private hasConcealed = false;
  private since = 0;
  private pages = 0;
  private pageToken: string | undefined;
  /** As far as was seen the newest come first; undefined while nothing was seen of an order. */
  private isOrdered: boolean | undefined;
  private lastAt = Infinity;

  constructor(
    readonly listing: Listing,
    readonly model: string,
  ) {
    this.hasTold = listing.isTellingWhenEmpty;
  }

  /** Whether what was not found is not there. */
  get isConclusive(): boolean {
    return this.hasTold && !this.hasConcealed;
  }

  /**
   * Goes on for some pages, as far as the calls reach.
   *
   * @returns whether it is at the end.
   * @throws {GeminiError}
   */
  async scanNext(questions: RateLimitedGemini, signal: AbortSignal): Promise<boolean> {
    try {
      for (let page = 0; page < PAGES_A_TURN && !signal.aborted; page++) {
        if (await this.isLastPage(questions)) return true;
      }
    } catch (error) {
      if (!(error instanceof BudgetSpentError)) throw error;
    }
    return false;
  }

  private async isLastPage(questions: RateLimitedGemini): Promise<boolean> {
    const { listing, model } = this;
    const askedAt = Date.now();
    const request = listing.request(model, this.pageToken);
    const { jobs, nextPageToken } = await questions.ask('find', request, (answer) =>
      listing.read(answer),
    );
    if (this.startedAt === undefined) this.start(askedAt);
    for (const { name, jobId, isTelling, at } of jobs) {
      if (jobId !== undefined && this.wanted.has(jobId)) this.names.set(jobId, name);
      this.hasTold ||= isTelling;
      this.hasConcealed ||= !isTelling && !(at < this.since);
      this.see(at);
    }
    this.pageToken = nextPageToken;
    const isPast = this.isOrdered && this.lastAt < this.since;
    if (nextPageToken === undefined || isPast) return true;
    if (this.names.size === this.wanted.size) return true;
    if (++this.pages < MAX_PAGES) return false;
    this.hasConcealed = true;
    return true;
  }

  private see(at: number): void {
    if (!(at <= this.lastAt)) this.isOrdered = false;
    else if (at < this.lastAt && this.lastAt !== Infinity) this.isOrdered ??= true;
    this.lastAt = at;
  }

  private start(at: number): void {
    this.startedAt = at;
    const made = Array.from(this.wanted.values(), ({ createdAt }) =>
      Date.parse(createdAt),
    );
    this.since = Math.min(...made) - CLOCK_MARGIN_MS;
  }
}
