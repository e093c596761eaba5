import { createHash } from 'node:crypto';
import { RECORD_HEADERS } from '../events/record-headers.js';
import type { Job } from './job.js';
import { canonicalJson, isObject, type Json } from '../infrastructure/json/json.js';

/** Members of `user_metadata` that are ours; a caller's metadata cannot have them. */
export const RESERVED_METADATA = ['correlation_id', 'bridge_job_id'] as const;

type Correlated = Pick<Job, 'id' | 'correlationId' | 'metadata'>;

/** What Gemini is given for a job, and repeats in its events. */
export function userMetadataOf({ id, correlationId, metadata }: Correlated): Json {
  return { ...metadata, correlation_id: correlationId, bridge_job_id: id };
}

/** The caller's part of it. */
export function metadataIn(userMetadata: Json): Json {
  const reserved: readonly string[] = RESERVED_METADATA;
  return Object.fromEntries(
    Object.entries(userMetadata).filter(([name]) => !reserved.includes(name)),
  );
}

/**
 * The same for the same metadata, whatever it went through: members in another order, and
 * numbers and truth values as text, are no alteration.
 */
export function metadataHash(userMetadata: Json): string {
  const text = canonicalJson(asText(userMetadata));
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}

function asText(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((member) => asText(member));
  if (!isObject(value)) return String(value);
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, asText(member)]),
  );
}

/**
 * Headers of every record about a job.
 *
 * @param metadata undefined where nobody could vouch for any.
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
