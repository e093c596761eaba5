import { ClaimExpired } from './claim-check.js';

/** Meaning of a failed produce request for its records. */
export type KafkaFailure =
  | 'broker' // unreachable, silent or no longer the leader
  | 'partition' // this partition cannot be written now
  | 'too-large' // certain: not written; smaller batches may be
  | 'refused' // certain: not written, and a repeat would be refused, too
  | 'appended' // certain: an earlier attempt was written
  | 'expired' // not sent: the claim on a record expired
  | 'fatal'; // the producer cannot be used any more

/**
 * By the error names of Kafka's protocol, which kafkajs has in `type`.
 *
 * @see https://kafka.apache.org/protocol.html#protocol_error_codes
 */
const BY_TYPE: Readonly<Record<string, KafkaFailure>> = {
  NOT_LEADER_FOR_PARTITION: 'broker',
  LEADER_NOT_AVAILABLE: 'broker',
  FENCED_LEADER_EPOCH: 'broker',
  UNKNOWN_LEADER_EPOCH: 'broker',
  BROKER_NOT_AVAILABLE: 'broker',
  REPLICA_NOT_AVAILABLE: 'broker',
  NETWORK_EXCEPTION: 'broker',
  REQUEST_TIMED_OUT: 'partition',
  NOT_ENOUGH_REPLICAS: 'partition',
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: 'partition',
  UNKNOWN_TOPIC_OR_PARTITION: 'partition',
  KAFKA_STORAGE_ERROR: 'partition',
  CORRUPT_MESSAGE: 'partition',
  UNKNOWN: 'partition',
  MESSAGE_TOO_LARGE: 'too-large',
  RECORD_LIST_TOO_LARGE: 'too-large',
  TOPIC_AUTHORIZATION_FAILED: 'refused',
  INVALID_TOPIC_EXCEPTION: 'refused',
  INVALID_RECORD: 'refused',
  INVALID_TIMESTAMP: 'refused',
  POLICY_VIOLATION: 'refused',
  UNSUPPORTED_FOR_MESSAGE_FORMAT: 'refused',
  DUPLICATE_SEQUENCE_NUMBER: 'appended',
};

/** kafkajs's own errors that concern a broker or the connection to it. */
const BROKER_ERRORS = new Set([
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
  'KafkaJSRequestTimeoutError',
  'KafkaJSTimeout',
  'KafkaJSLockTimeout',
  'KafkaJSBrokerNotFound',
  'KafkaJSMetadataNotLoaded',
  'KafkaJSTopicMetadataNotLoaded',
  'KafkaJSSASLAuthenticationError',
]);

/** An unknown error is fatal: a new producer and Gemini's next attempt resolve it. */
export function failureOf(error: unknown): KafkaFailure {
  for (const cause of causes(error)) {
    const { name, type } = cause as Error & { type?: string };
    if (type !== undefined) return BY_TYPE[type] ?? 'fatal';
    if (BROKER_ERRORS.has(name)) return 'broker';
    if (cause instanceof ClaimExpired) return 'expired';
  }
  return 'fatal';
}

/** The error and its causes, innermost first. kafkajs wraps the first error of its retries. */
function causes(error: unknown): Error[] {
  const chain: Error[] = [];
  for (let at = error; at instanceof Error && chain.length < 5; at = at.cause) {
    chain.unshift(at);
  }
  return chain;
}
