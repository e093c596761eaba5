const SCHEMA = 'urn:gemini-kafka-bridge:event';
const SCHEMA_VERSION = 'v1';

export interface CloudEvent {
  readonly id: string;
  /** A URI: who says it. */
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
    ce_specversion: '1.0',
    ce_id: id,
    ce_source: source,
    ce_type: type,
    ce_time: time,
    ce_dataschema: `${SCHEMA}:${type}:${SCHEMA_VERSION}`,
    'content-type': 'application/json',
    ...(subject === undefined ? {} : { ce_subject: subject }),
  };
}
