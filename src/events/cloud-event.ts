import { RECORD_HEADERS } from './record-headers.js';

const SCHEMA = 'urn:gemini-kafka-bridge:event';
const SCHEMA_VERSION = 'v1';

export interface CloudEvent {
  readonly id: string;
  /** URI of the system that the event comes from. */
  readonly source: string;
  readonly type: string;
  /** RFC 3339. */
  readonly time: string;
  readonly subject: string | undefined;
}

/**
 * CloudEvents 1.0 in binary mode: the attributes are headers.
 *
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
 */
export function cloudEventHeaders(event: CloudEvent): Record<string, string> {
  const { id, source, type, time, subject } = event;
  return {
    [RECORD_HEADERS.specVersion]: '1.0',
    [RECORD_HEADERS.eventId]: id,
    [RECORD_HEADERS.source]: source,
    [RECORD_HEADERS.type]: type,
    [RECORD_HEADERS.time]: time,
    [RECORD_HEADERS.dataSchema]: `${SCHEMA}:${type}:${SCHEMA_VERSION}`,
    [RECORD_HEADERS.contentType]: 'application/json',
    ...(subject === undefined ? {} : { [RECORD_HEADERS.subject]: subject }),
  };
}
