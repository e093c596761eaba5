import { cloudEventHeaders } from '../events/cloud-event.js';
import {
  EventFormatError,
  parseGeminiEvent,
  type EventFault,
  type GeminiEvent,
} from '../events/gemini-event.js';
import { deadLetterTopic, topicFor } from '../events/event-topics.js';
import { RECORD_HEADERS } from '../events/record-headers.js';
import type { EventRecord } from '../publishing/event-publisher.js';
import { correlationHeaders } from '../jobs/correlation.js';
import type { Delivery } from './delivery.js';
import type { EventJob, ForeignReason } from './job-matching/job-matcher.js';

const SOURCE = 'https://generativelanguage.googleapis.com';

/** Why a verified delivery goes to the dead letter topic. */
export type DeadLetterReason = EventFault | ForeignReason;

/** The event of a delivery, or why its bytes cannot be one. */
export function eventOf({ proof }: Delivery): GeminiEvent | EventFormatError {
  try {
    return parseGeminiEvent(proof.body);
  } catch (error) {
    if (error instanceof EventFormatError) return error;
    throw error;
  }
}

/**
 * The record of an event: CloudEvents 1.0 in binary mode, the proof, and the correlation where
 * the bridge submitted the job. Header names never repeat; their values are UTF-8 strings.
 *
 * @param prefix of the topics.
 */
export function eventRecord(
  delivery: Delivery,
  event: GeminiEvent,
  prefix: string,
  job: EventJob | undefined,
): EventRecord {
  const { proof, receivedAt } = delivery;
  const { type, subject } = event;
  const time = event.time ?? new Date(receivedAt).toISOString();
  return {
    topic: topicFor(type, prefix),
    // Gemini spells a video's name in several ways; the job's records belong in one partition
    key: job?.geminiName ?? subject ?? proof.id,
    value: proof.body,
    headers: {
      ...cloudEventHeaders({ id: proof.id, source: SOURCE, type, time, subject }),
      ...proofHeaders(delivery),
      ...(job && jobHeaders(job)),
    },
  };
}

/** The record of a delivery that belongs to no event topic. The value is its body, byte for byte. */
export function deadLetterRecord(
  delivery: Delivery,
  reason: DeadLetterReason,
  prefix: string,
): EventRecord {
  const { proof, capability } = delivery;
  return {
    topic: deadLetterTopic(prefix),
    key: proof.id,
    value: proof.body,
    headers: {
      [RECORD_HEADERS.reason]: reason,
      [RECORD_HEADERS.contentType]: 'application/octet-stream',
      ...proofHeaders(delivery),
      ...(capability &&
        correlationHeaders(capability.jobId, capability.correlationId, undefined)),
    },
  };
}

/**
 * With these headers a subscriber can verify the value again. The bridge reads id, scope and hash
 * back to find its duplicates (`publishing/dedupe-key.ts`).
 */
function proofHeaders(delivery: Delivery): Record<string, string> {
  const { proof, scope, bodyHash, receivedAt, trace } = delivery;
  const headers: Record<string, string> = {
    [RECORD_HEADERS.webhookId]: proof.id,
    [RECORD_HEADERS.webhookTimestamp]: proof.timestamp,
    [RECORD_HEADERS.webhookSignature]: proof.signature,
    [RECORD_HEADERS.scheme]: proof.scheme,
    [RECORD_HEADERS.keyId]: proof.keyId,
    [RECORD_HEADERS.scope]: scope,
    [RECORD_HEADERS.receivedAt]: new Date(receivedAt).toISOString(),
    [RECORD_HEADERS.traceparent]: trace.traceparent,
  };
  if (bodyHash !== undefined) headers[RECORD_HEADERS.bodyHash] = bodyHash;
  return headers;
}

/** The bridge reads the end id back, so that the reconciler does not publish the same end. */
function jobHeaders(job: EventJob): Record<string, string> {
  const { jobId, correlationId, metadata, isRegistered, endId } = job;
  return {
    ...correlationHeaders(jobId, correlationId, metadata),
    ...(isRegistered ? {} : { [RECORD_HEADERS.jobRegistered]: 'false' }),
    ...(endId === undefined ? {} : { [RECORD_HEADERS.endId]: endId }),
  };
}
