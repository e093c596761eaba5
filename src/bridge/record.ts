import {
  EventFormatError,
  parseGeminiEvent,
  type EventFault,
  type GeminiEvent,
} from '../event/gemini-event.js';
import { deadLetterTopic, topicFor } from '../event/event-topics.js';
import type { EventRecord } from '../publisher/event-publisher.js';
import type { KnownJob } from '../registry/job-registry.js';
import type { Capability } from '../signature/capability.js';
import type { Delivery } from './delivery.js';

const SOURCE = 'https://generativelanguage.googleapis.com';
const SCHEMA = 'urn:gemini-kafka-bridge:event';
const SCHEMA_VERSION = 'v1';

/** Why a verified delivery is kept on the dead letter topic. */
export type DeadLetterReason = EventFault | 'other-job';

/** The event of a delivery, or why its bytes cannot be one. */
export function eventOf({ proof }: Delivery): GeminiEvent | EventFault {
  try {
    return parseGeminiEvent(proof.body);
  } catch (error) {
    if (error instanceof EventFormatError) return error.fault;
    throw error;
  }
}

/**
 * The record of an event: CloudEvents 1.0 in binary mode, the proof, and the correlation
 * where the job is ours. Names never repeat; values are UTF-8 strings.
 *
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
 */
export function eventRecord(
  delivery: Delivery,
  event: GeminiEvent,
  prefix: string,
  job: KnownJob | undefined,
): EventRecord {
  const { proof, receivedAt } = delivery;
  const headers: Record<string, string> = {
    ce_specversion: '1.0',
    ce_id: proof.id,
    ce_source: SOURCE,
    ce_type: event.type,
    ce_time: event.time ?? new Date(receivedAt).toISOString(),
    ce_dataschema: `${SCHEMA}:${event.type}:${SCHEMA_VERSION}`,
    'content-type': 'application/json',
    ...proofHeaders(delivery),
  };
  if (event.subject !== undefined) headers['ce_subject'] = event.subject;
  if (delivery.capability) correlate(headers, delivery.capability, job);
  return {
    topic: topicFor(event.type, prefix),
    key: event.subject ?? proof.id,
    value: proof.body,
    headers,
  };
}

/** Verified bytes that belong to no event topic, with the reason. */
export function deadLetterRecord(
  delivery: Delivery,
  reason: DeadLetterReason,
  prefix: string,
): EventRecord {
  const headers: Record<string, string> = {
    'bridge-reason': reason,
    'content-type': 'application/octet-stream',
    ...proofHeaders(delivery),
  };
  if (delivery.capability) correlate(headers, delivery.capability, undefined);
  const { id, body } = delivery.proof;
  return { topic: deadLetterTopic(prefix), key: id, value: body, headers };
}

/**
 * With these a subscriber can verify again, and the bridge can tell what it has published:
 * id, scope and hash are what a repeat is known by (src/log/record-scan.ts).
 */
function proofHeaders(delivery: Delivery): Record<string, string> {
  const { proof, scope, bodyHash, receivedAt, traceparent } = delivery;
  const headers: Record<string, string> = {
    'webhook-id': proof.id,
    'webhook-timestamp': proof.timestamp,
    'webhook-signature': proof.signature,
    'bridge-scheme': proof.scheme,
    'bridge-key-id': proof.keyId,
    'bridge-scope': scope,
    'bridge-received-at': new Date(receivedAt).toISOString(),
    traceparent,
  };
  if (bodyHash !== undefined) headers['bridge-body-sha256'] = bodyHash;
  return headers;
}

function correlate(
  headers: Record<string, string>,
  { jobId, correlationId }: Capability,
  job: KnownJob | undefined,
): void {
  headers['bridge-job-id'] = jobId;
  headers['correlation-id'] = correlationId;
  if (job) headers['bridge-job-metadata'] = JSON.stringify(job.metadata);
}
