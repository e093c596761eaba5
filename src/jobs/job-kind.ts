import { z } from 'zod';
import type { GeminiRequest } from '../gemini/gemini-request.js';
import type { JobError, JobProgress, JobState } from './job.js';
import type { Json } from '../infrastructure/json/json.js';

/** Labels of a submission at Gemini. The bridge matches the job and its events by them. */
export interface JobLabel {
  readonly jobId: string;
  readonly displayName: string | undefined;
  /** Webhook of the job itself. Kinds without one leave it out of their request. */
  readonly webhook: { readonly uris: readonly string[]; readonly userMetadata: Json };
}

/** A job as Gemini describes it when it is polled. */
export interface JobSnapshot {
  /** Undefined for a state that this build does not know. */
  readonly state: JobState | undefined;
  /** Time of the state, RFC 3339. */
  readonly at?: string;
  readonly progress?: JobProgress;
  /** `files/…` */
  readonly outputFile?: string;
  readonly error?: JobError;
  /** Members of the event's `data` beside `id`. */
  readonly data?: Json;
  /** The bridge's id of the job, if Gemini repeats it. */
  readonly jobId?: string;
}

/** An entry of a list of jobs at Gemini. */
export interface ListedJob {
  readonly name: string;
  /** The bridge's id of the job; undefined for a foreign job, or a name that the kind cannot have. */
  readonly jobId: string | undefined;
  /** False if the entry does not show which job it is: a search of the list then proves nothing. */
  readonly isIdentified: boolean;
  /** Time of creation, Unix ms; NaN if the entry has none. */
  readonly at: number;
}

/** Parses `nextPageToken`. Gemini marks the last page by no token or by an empty one. */
export const nextToken = z
  .string()
  .optional()
  .transform((token) => (token === '' ? undefined : token));

/** An entry of a list that does not have the expected form. */
export const UNREADABLE_ENTRY: ListedJob = {
  name: '',
  jobId: undefined,
  isIdentified: false,
  at: NaN,
};

/** Gemini's list of the jobs of a kind. `SubmissionRecovery` searches it. */
export interface Listing {
  /** True if each model has a list of its own. */
  readonly isByModel: boolean;
  /** True if an empty list proves that there is no job. Otherwise an identified entry is needed. */
  readonly isEmptyConclusive: boolean;
  readonly pageRequest: (model: string, pageToken: string | undefined) => GeminiRequest;
  /** Parses a page. Throws if it does not have the expected form. */
  readonly parsePage: (answer: unknown) => {
    readonly jobs: readonly ListedJob[];
    readonly nextPageToken: string | undefined;
  };
}

/**
 * A kind of job, without I/O: the requests that the bridge sends to Gemini for it, and the
 * parsers of the answers. A new kind is a file like this and a line in `job-kinds.ts`.
 */
export interface JobKind<Order extends { model?: string } = { model?: string }> {
  readonly name: string;
  /** `POST /v1/<collection>` submits a job of this kind. */
  readonly collection: string;
  /** The webhook that brings the job's event: the job's own or the project's. */
  readonly announcedBy: 'job' | 'static';
  /**
   * Members of a submission beside `metadata`, `correlationId` and `displayName`. Its `meta()`
   * has the description and the examples of the OpenAPI document.
   */
  readonly order: z.ZodObject<z.ZodRawShape>;
  /** Event types by the state that they announce. Gemini sends no event for the other states. */
  readonly events: Readonly<Partial<Record<JobState, string>>>;

  submission(order: Order, label: JobLabel): GeminiRequest;
  /** Parses the job's name from Gemini's answer to the submission. */
  parseName(answer: unknown): string | undefined;
  /** True if the name has the form of this kind. Names become part of request paths. */
  isName(name: string): boolean;
  /** Requests the state with a field mask: the whole answer of a finished job can be huge. */
  statusRequest(name: string): GeminiRequest;
  /** Parses the answer to `statusRequest`. Throws if it does not have the expected form. */
  parseStatus(answer: unknown): JobSnapshot;
  cancellation(name: string): GeminiRequest;
  /** @returns undefined for a result that is not at Gemini. */
  result(name: string, outputFile: string | undefined): GeminiRequest | undefined;
  /** Absent if Gemini has no list: then only the job's webhook tells its name. */
  readonly listing?: Listing;
}
