import type { Job, JobKind, JobState } from './job.js';
import type { Json } from '../json.js';

/** A job as a test wants to know it: the same members for every kind. */
export interface JobSummary {
  readonly name: string;
  readonly id: string;
  readonly kind: JobKind;
  readonly state: JobState;
  readonly displayName: string | undefined;
  readonly userMetadata: Json | undefined;
  readonly webhookUris: readonly string[];
  /** The API knows it no more. */
  readonly deleted: boolean;
}

export function jobSummary(job: Job): JobSummary {
  const { name, id, kind, state, displayName, userMetadata, webhookUris, deleted } = job;
  return { name, id, kind, state, displayName, userMetadata, webhookUris, deleted };
}
