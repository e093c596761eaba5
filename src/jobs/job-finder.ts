import type { JobKind, Listing } from '../kinds/job-kind.js';
import { kindOf } from '../kinds/job-kinds.js';
import type { Job } from '../registry/job.js';
import type { GeminiQuestions } from './gemini-questions.js';

/** Gemini's clock and ours may differ by this much. */
const CLOCK_MARGIN_MS = 5 * 60_000;
const MAX_PAGES = 50;

/**
 * Finds jobs on Gemini whose submission was not answered, by our id in what Gemini lists:
 * from the newest back to when they were submitted. Jobs of one list are looked for together.
 *
 * @returns for each job of which the lists could tell its name, or undefined when it is not there.
 * @throws {GeminiError | BudgetSpentError}
 */
export async function findOnGemini(
  jobs: readonly Job[],
  questions: GeminiQuestions,
): Promise<Map<Job, string | undefined>> {
  const found = new Map<Job, string | undefined>();
  for (const { listing, model, wanted } of lists(jobs)) {
    const { names, isTelling } = await namesIn(listing, model, wanted, questions);
    for (const job of wanted) {
      const name = names.get(job.id);
      if (name !== undefined || isTelling) found.set(job, name);
    }
  }
  return found;
}

interface Search {
  readonly listing: Listing;
  readonly model: string;
  readonly wanted: Job[];
}

function lists(jobs: readonly Job[]): Search[] {
  const searches: Search[] = [];
  for (const job of jobs) {
    const { listing }: JobKind = kindOf(job);
    if (!listing) continue;
    const model = listing.isByModel ? (job.model ?? '') : '';
    const same = searches.find((one) => one.listing === listing && one.model === model);
    if (same) same.wanted.push(job);
    else searches.push({ listing, model, wanted: [job] });
  }
  return searches;
}

async function namesIn(
  listing: Listing,
  model: string,
  wanted: readonly Job[],
  questions: GeminiQuestions,
): Promise<{ names: ReadonlyMap<string, string>; isTelling: boolean }> {
  const ids = new Set(wanted.map(({ id }) => id));
  const created = wanted.map(({ createdAt }) => Date.parse(createdAt));
  const since = Math.min(...created) - CLOCK_MARGIN_MS;
  const names = new Map<string, string>();
  let isTelling = true;
  let pageToken: string | undefined;
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const answer = await questions.ask(listing.request(model, pageToken));
    const { jobs, nextPageToken } = listing.read(answer);
    isTelling &&= jobs.every((job) => job.isTelling || job.at < since);
    for (const { name, jobId } of jobs) {
      if (jobId !== undefined && ids.has(jobId)) names.set(jobId, name);
    }
    const isBefore = jobs.length > 0 && jobs.every(({ at }) => at < since);
    if (nextPageToken === undefined || isBefore || names.size === ids.size) {
      return { names, isTelling };
    }
    pageToken = nextPageToken;
  }
  // So many jobs are newer that nobody can say whether these are there
  throw new Error(`looked through ${MAX_PAGES} pages of jobs and was not at the end`);
}
