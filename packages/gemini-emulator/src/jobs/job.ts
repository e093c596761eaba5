import type { Json } from '../json.js';
import type { Outcome } from '../options.js';

/** Kinds of jobs; `job-kinds.ts` has a row for each. */
export type JobKind = 'batch' | 'embedding' | 'interaction' | 'video';

/** States of jobs of all kinds. Each kind translates them into the API's words. */
export type JobState =
  | 'PENDING'
  | 'RUNNING'
  | 'REQUIRES_ACTION'
  | 'SUCCEEDED'
  | 'FAILED'
  | 'CANCELLED'
  | 'EXPIRED';

export interface BatchRequest {
  /** `key` of a line of a file. */
  readonly key: string | undefined;
  /** `metadata` of an inline request, which its response repeats. */
  readonly metadata: Json | undefined;
}

/** The input of a job without its prompts, which the emulator does not answer. */
export interface JobInput {
  /** `files/…`, where the requests are in a file. */
  readonly fileName?: string | undefined;
  /** Number of requests or samples. */
  readonly count: number;
  /** Inline requests of a batch. */
  readonly inline?: readonly BatchRequest[];
  /** Members of the request that the answers repeat. */
  readonly repeated?: Json;
}

/** Webhooks of the job itself. */
export interface JobWebhooks {
  /** `webhook_config` in the spelling of the request. */
  readonly webhookConfig: Json | undefined;
  /** If there are any, they replace the static webhooks for this job. */
  readonly webhookUris: readonly string[];
  readonly userMetadata: Json | undefined;
}

/** A parsed request for a job. */
export interface JobOrder extends JobWebhooks {
  /** Resource name. The part after the last slash is the id. */
  readonly name: string;
  readonly model: string;
  readonly displayName: string | undefined;
  readonly input: JobInput;
}

/** The end of a job. */
export interface Finish {
  readonly outcome: Outcome;
  /** In a succeeded batch the number of requests with an error; in a video the number of samples that are withheld. */
  readonly failedRequests?: number;
  /** Error code of a failed job. It is not known if Google sends a number or a string. */
  readonly errorCode?: number | string;
  readonly errorMessage?: string;
}

export interface JobResults {
  readonly succeeded: number;
  readonly failed: number;
  /** The API's member that holds the results: `{responsesFile}`, `{inlinedResponses}`, `{generatedSamples}` or `{steps}`. */
  readonly output: Json;
  /** `files/…`, where a file holds them. */
  readonly fileName?: string | undefined;
}

export interface JobError {
  readonly code: number;
  readonly message: string;
}

/** A job. Times are emulated Unix ms. */
export interface Job extends JobOrder {
  readonly kind: JobKind;
  readonly id: string;
  /** Number of jobs that were created before. */
  readonly sequence: number;
  readonly createMs: number;
  updateMs: number;
  endMs?: number;
  state: JobState;
  results: JobResults | undefined;
  error: JobError | undefined;
  /** True if it was deleted through the API. */
  deleted: boolean;
}

/** False for an interaction that waits for its caller. */
export function isOver({ endMs }: Job): boolean {
  return endMs !== undefined;
}
