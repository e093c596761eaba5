import type { Json } from './json.js';
import type { Outcome } from './options.js';

export type BatchState =
  'PENDING' | 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'CANCELLED' | 'EXPIRED';

export interface BatchRequest {
  /** Of a file's line. */
  readonly key: string | undefined;
  /** Of an inline request; comes back with its response. */
  readonly metadata: Json | undefined;
}

export interface BatchInput {
  /** `files/…`, or undefined when the requests came inline. */
  readonly fileName: string | undefined;
  readonly count: number;
  /** Those that came inline. */
  readonly inline: readonly BatchRequest[];
}

/** What can be told about the end of a job beside its outcome. */
export interface Finish {
  readonly outcome: Outcome;
  /** How many requests of a succeeded batch have an error instead of a response. */
  readonly failedRequests?: number;
  /** Of a failed batch. Whether Google sends a number or a string is not known. */
  readonly errorCode?: number | string;
  readonly errorMessage?: string;
}

export interface BatchResults {
  readonly succeeded: number;
  readonly failed: number;
  /** `{responsesFile}` or `{inlinedResponses: {inlinedResponses: […]}}`. */
  readonly output: Json;
}

/** Times are emulated milliseconds since 1970. */
export interface Batch {
  readonly id: string;
  readonly model: string;
  readonly displayName: string | undefined;
  readonly input: BatchInput;
  /** They replace the static webhooks for this job. */
  readonly webhookUris: readonly string[];
  readonly userMetadata: Json | undefined;
  readonly createMs: number;
  updateMs: number;
  endMs?: number;
  state: BatchState;
  results: BatchResults | undefined;
  error: { readonly code: number; readonly message: string } | undefined;
}

export function isOver(batch: Batch): boolean {
  return batch.state !== 'PENDING' && batch.state !== 'RUNNING';
}
