import type { Job, JobKind, JobState } from './job.js';
import type { Json } from '../json.js';

/** A job with the same members for every kind, for tests. */
export interface JobSummary {
  readonly name: string;
  readonly id: string;
  readonly kind: JobKind;
  readonly state: JobState;
  readonly displayName: string | undefined;
  readonly userMetadata: Json | undefined;
  readonly webhookUris: readonly string[];
  /** True if it was deleted through the API. */
  readonly deleted: boolean;
}

export function jobSummary(job: Job): JobSummary {
  const { name, id, kind, state, displayName, userMetadata, webhookUris, deleted } = job;
  return { name, id, kind, state, displayName, userMetadata, webhookUris, deleted };
}
