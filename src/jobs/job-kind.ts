import { z } from 'zod';
import type { GeminiRequest } from '../gemini/gemini-request.js';
import type { JobError, JobProgress, JobState } from './job.js';
import type { Json } from '../infrastructure/json/json.js';

/** How Gemini and everybody else recognise a job as ours. */
export interface JobLabel {
  readonly jobId: string;
  readonly displayName: string | undefined;
  /** Where its events go and what they carry, for a kind that can have a webhook of its own. */
  readonly webhook: { readonly uris: readonly string[]; readonly userMetadata: Json };
}

/** What Gemini says of a job. */
export interface JobSnapshot {
  /** Undefined for a state that is not known here. */
  readonly state: JobState | undefined;
  /** Since when, RFC 3339. */
  readonly at?: string;
  readonly progress?: JobProgress;
  /** `files/…` */
  readonly outputFile?: string;
  readonly error?: JobError;
  /** What the event of this state says beside the name. */
  readonly data?: Json;
  /** Our id of it, where Gemini repeats what we gave. */
  readonly jobId?: string;
}

/** A job in one of Gemini's lists. */
export interface ListedJob {
  readonly name: string;
  /** Our id of it, when it is ours and its name can be one. */
  readonly jobId: string | undefined;
  /** False when the list does not say whose it is: then nobody can say that a job is not there. */
  readonly isTelling: boolean;
  /** When it was made, Unix ms; NaN where that is not said. */
  readonly at: number;
}

/** Undefined at the end; some say so by an empty one. */
export const nextToken = z
  .string()
  .optional()
  .transform((token) => (token === '' ? undefined : token));

/** What stands in a list and is not understood. */
export const UNTOLD_JOB: ListedJob = {
  name: '',
  jobId: undefined,
  isTelling: false,
  at: NaN,
};

/** How to look for jobs whose name we were never told. */
export interface Listing {
  /** Whether each model has a list of its own. */
  readonly isByModel: boolean;
  /** Whether an empty list says that there is no job; else only one that tells of others does. */
  readonly isTellingWhenEmpty: boolean;
  readonly request: (model: string, pageToken: string | undefined) => GeminiRequest;
  readonly read: (answer: unknown) => {
    readonly jobs: readonly ListedJob[];
    readonly nextPageToken: string | undefined;
  };
}

/**
 * A kind of work that Gemini takes and finishes later: what is said to it and what it says,
 * without I/O. A new kind is a file like this and a line in `job-kinds.ts`.
 */
export interface JobKind<Order extends { model?: string } = { model?: string }> {
  readonly name: string;
  /** `POST /v1/<collection>` submits one. */
  readonly collection: string;
  /** Whose webhook tells of its end. */
  readonly announcedBy: 'job' | 'static';
  /**
   * What a caller gives, beside `metadata`, `correlationId` and `displayName`. Its `meta()` has
   * what the documentation shows: a description, and examples of the whole body.
   */
  readonly order: z.ZodObject<z.ZodRawShape>;
  /** Event types by the state that they announce; a state without one is never announced. */
  readonly events: Readonly<Partial<Record<JobState, string>>>;

  submission(order: Order, label: JobLabel): GeminiRequest;
  /** The name that Gemini gave it, of the answer to its submission. */
  parseName(answer: unknown): string | undefined;
  /** Whether a job of this kind can have that name: it becomes part of a path. */
  isName(name: string): boolean;
  /** Asks for as little as tells its state: a finished job's answer can be huge. */
  statusRequest(name: string): GeminiRequest;
  /** @throws what `GeminiClient.ask` makes a `GeminiError` of, as `Listing.read` does. */
  parseStatus(answer: unknown): JobSnapshot;
  cancellation(name: string): GeminiRequest;
  /** Where the result is read. @returns undefined for a file that is not at Gemini. */
  result(name: string, outputFile: string | undefined): GeminiRequest | undefined;
  /** Undefined where Gemini has no list: then only its webhook can tell the name. */
  readonly listing?: Listing;
}
