import type { Json } from '../json.js';
import type { Outcome } from '../options.js';

/** Each is a row of the table in `job-kinds.ts`. */
export type JobKind = 'batch' | 'embedding' | 'interaction' | 'video';

/** The same words for all kinds; what the API calls them is the kind's business. */
export type JobState =
  | 'PENDING'
  | 'RUNNING'
  | 'REQUIRES_ACTION'
  | 'SUCCEEDED'
  | 'FAILED'
  | 'CANCELLED'
  | 'EXPIRED';

export interface BatchRequest {
  /** Of a file's line. */
  readonly key: string | undefined;
  /** Of an inline request; comes back with its response. */
  readonly metadata: Json | undefined;
}

/** What is to be done. The prompts are not kept: nobody answers them. */
export interface JobInput {
  /** `files/…`, if the requests are in a file. */
  readonly fileName?: string | undefined;
  /** How many requests, samples, … */
  readonly count: number;
  /** Requests of a batch that did not come in a file. */
  readonly inline?: readonly BatchRequest[];
  /** What the answers repeat of the request as it came. */
  readonly repeated?: Json;
}

/** Where the end of a job is told. */
export interface JobWebhooks {
  /** `webhook_config` as it came, in its caller's spelling. */
  readonly webhookConfig: Json | undefined;
  /** They replace the static webhooks for this job. */
  readonly webhookUris: readonly string[];
  readonly userMetadata: Json | undefined;
}

/** A request for a job, read and found good. */
export interface JobOrder extends JobWebhooks {
  /** Ends in the id. */
  readonly name: string;
  readonly model: string;
  readonly displayName: string | undefined;
  readonly input: JobInput;
}

/** What can be told about the end of a job beside its outcome. */
export interface Finish {
  readonly outcome: Outcome;
  /** How many requests of a succeeded batch have an error instead of a response; samples of a video that are withheld. */
  readonly failedRequests?: number;
  /** Of a failed job. Whether Google sends a number or a string is not known. */
  readonly errorCode?: number | string;
  readonly errorMessage?: string;
}

export interface JobResults {
  readonly succeeded: number;
  readonly failed: number;
  /** In the API's spelling: `{responsesFile}`, `{inlinedResponses}`, `{generatedSamples}`, `{steps}`. */
  readonly output: Json;
  /** `files/…`, if a file holds them. */
  readonly fileName?: string | undefined;
}

export interface JobError {
  readonly code: number;
  readonly message: string;
}

/** Times are emulated milliseconds since 1970. */
export interface Job extends JobOrder {
  readonly kind: JobKind;
  readonly id: string;
  /** Later jobs have higher ones. */
  readonly sequence: number;
  readonly createMs: number;
  updateMs: number;
  endMs?: number;
  state: JobState;
  results: JobResults | undefined;
  error: JobError | undefined;
  /** The API knows it no more. */
  deleted: boolean;
}

/** An interaction that waits for its caller is not over. */
export function isOver({ endMs }: Job): boolean {
  return endMs !== undefined;
}
