import { ClaimExpired } from './claim-check.js';

/** What a failed produce request means for the records in it. */
export type KafkaFailure =
  | 'broker' // unreachable, silent or no longer the leader: the same batch again
  | 'partition' // this partition cannot be written now: the same batch again, by itself
  | 'too-large' // certain: nothing written; smaller batches may pass
  | 'refused' // certain: nothing written, and a repeat would not be either
  | 'appended' // certain: an earlier attempt was written
  | 'lapsed' // not sent: the claim may not be ours any more
  | 'fatal'; // the producer is of no more use

/**
 * By the protocol's error names, as kafkajs spells them in `type`.
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

/** Errors of kafkajs's own that say something about the broker or the way to it. */
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

/** Anything unknown is fatal: a fresh producer, and the sender's next attempt, mend it. */
export function failureOf(error: unknown): KafkaFailure {
  for (const cause of causes(error)) {
    const { name, type } = cause as Error & { type?: string };
    if (type !== undefined) return BY_TYPE[type] ?? 'fatal';
    if (BROKER_ERRORS.has(name)) return 'broker';
    if (cause instanceof ClaimExpired) return 'lapsed';
  }
  return 'fatal';
}

/** kafkajs wraps the first cause in "number of retries exceeded" and the like. */
function causes(error: unknown): Error[] {
  const chain: Error[] = [];
  for (let at = error; at instanceof Error && chain.length < 5; at = at.cause) {
    chain.unshift(at);
  }
  return chain;
}
