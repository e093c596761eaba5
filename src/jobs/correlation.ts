import { createHash } from 'node:crypto';
import { RECORD_HEADERS } from '../events/record-headers.js';
import type { Job } from './job.js';
import { canonicalJson, isObject, type Json } from '../infrastructure/json/json.js';

/** Members that the bridge adds to `user_metadata`. A caller's metadata must not have them. */
export const RESERVED_METADATA = ['correlation_id', 'bridge_job_id'] as const;

type Correlated = Pick<Job, 'id' | 'correlationId' | 'metadata'>;

/** The `user_metadata` of a job at Gemini. Gemini repeats it in the job's events. */
export function userMetadataOf({ id, correlationId, metadata }: Correlated): Json {
  return { ...metadata, correlation_id: correlationId, bridge_job_id: id };
}

/** The caller's members of a `user_metadata`. */
export function metadataIn(userMetadata: Json): Json {
  const reserved: readonly string[] = RESERVED_METADATA;
  return Object.fromEntries(
    Object.entries(userMetadata).filter(([name]) => !reserved.includes(name)),
  );
}

/**
 * Hash of a `user_metadata`. It ignores the order of members, and whether a number or boolean is
 * sent as text, because Gemini may change both on the way.
 */
export function metadataHash(userMetadata: Json): string {
  const text = canonicalJson(withTextLeaves(userMetadata));
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}

function withTextLeaves(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((member) => withTextLeaves(member));
  if (!isObject(value)) return String(value);
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, withTextLeaves(member)]),
  );
}

/**
 * Headers of every record about a job.
 *
 * @param metadata undefined if the bridge cannot confirm that the metadata is the job's.
 */
export function correlationHeaders(
  jobId: string,
  correlationId: string,
  metadata: Json | undefined,
): Record<string, string> {
  return {
    [RECORD_HEADERS.jobId]: jobId,
    [RECORD_HEADERS.correlationId]: correlationId,
    ...(metadata && { [RECORD_HEADERS.jobMetadata]: JSON.stringify(metadata) }),
  };
}
