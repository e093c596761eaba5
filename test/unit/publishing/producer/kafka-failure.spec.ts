import { describe, expect, it } from '@jest/globals';
import {
  KafkaJSConnectionError,
  KafkaJSNonRetriableError,
  KafkaJSNumberOfRetriesExceeded,
  KafkaJSProtocolError,
  KafkaJSRequestTimeoutError,
  KafkaJSTopicMetadataNotLoaded,
} from 'kafkajs';
import { ClaimExpired } from '../../../../src/publishing/producer/claim-check.js';
import { failureOf } from '../../../../src/publishing/producer/kafka-failure.js';

const protocolError = (type: string) =>
  new KafkaJSProtocolError({ type, code: 1, message: type } as never);

const withCause = (cause: Error) =>
  Object.assign(new KafkaJSNonRetriableError(cause.message), { cause });

describe('failureOf', () => {
  it('classifies an expired claim as expired, also as the cause of an error of kafkajs', () => {
    const error = new ClaimExpired('not renewed');
    expect(failureOf(error)).toBe('expired');
    expect(failureOf(withCause(error))).toBe('expired');
  });

  it.each([
    ['NOT_LEADER_FOR_PARTITION', 'broker'],
    ['LEADER_NOT_AVAILABLE', 'broker'],
    ['FENCED_LEADER_EPOCH', 'broker'],
    ['UNKNOWN_LEADER_EPOCH', 'broker'],
    ['BROKER_NOT_AVAILABLE', 'broker'],
    ['REPLICA_NOT_AVAILABLE', 'broker'],
    ['NETWORK_EXCEPTION', 'broker'],
    ['REQUEST_TIMED_OUT', 'partition'],
    ['NOT_ENOUGH_REPLICAS', 'partition'],
    ['NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'partition'],
    ['UNKNOWN_TOPIC_OR_PARTITION', 'partition'],
    ['KAFKA_STORAGE_ERROR', 'partition'],
    ['CORRUPT_MESSAGE', 'partition'],
    ['UNKNOWN', 'partition'],
    ['MESSAGE_TOO_LARGE', 'too-large'],
    ['RECORD_LIST_TOO_LARGE', 'too-large'],
    ['TOPIC_AUTHORIZATION_FAILED', 'refused'],
    ['INVALID_TOPIC_EXCEPTION', 'refused'],
    ['INVALID_RECORD', 'refused'],
    ['INVALID_TIMESTAMP', 'refused'],
    ['POLICY_VIOLATION', 'refused'],
    ['UNSUPPORTED_FOR_MESSAGE_FORMAT', 'refused'],
    ['DUPLICATE_SEQUENCE_NUMBER', 'appended'],
    ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'fatal'],
    ['UNKNOWN_PRODUCER_ID', 'fatal'],
    ['INVALID_PRODUCER_EPOCH', 'fatal'],
    ['CLUSTER_AUTHORIZATION_FAILED', 'fatal'],
    ['SOMETHING_NEW', 'fatal'],
  ])('classifies %s as %s, also as the cause of an error of kafkajs', (type, failure) => {
    const error = protocolError(type);
    expect(failureOf(error)).toBe(failure);
    expect(failureOf(new KafkaJSNumberOfRetriesExceeded(error, {} as never))).toBe(
      failure,
    );
    expect(failureOf(withCause(error))).toBe(failure);
  });

  it.each([
    new KafkaJSConnectionError('refused'),
    new KafkaJSRequestTimeoutError('silent', {} as never),
    Object.assign(new Error('gone'), { name: 'KafkaJSBrokerNotFound' }),
    new KafkaJSTopicMetadataNotLoaded('not yet', {} as never),
  ])('classifies $name as broker', (error) => {
    expect(failureOf(error)).toBe('broker');
    expect(failureOf(new KafkaJSNumberOfRetriesExceeded(error, {} as never))).toBe(
      'broker',
    );
  });

  it.each([new TypeError('bug'), 'text', undefined, null, { type: 'MESSAGE_TOO_LARGE' }])(
    'classifies %s, which it does not know, as fatal',
    (error) => {
      expect(failureOf(error)).toBe('fatal');
    },
  );

  it('ends when an error is its own cause', () => {
    const error = new Error('a');
    error.cause = error;
    expect(failureOf(error)).toBe('fatal');
  });
});
