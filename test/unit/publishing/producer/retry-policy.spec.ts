import { describe, expect, it } from '@jest/globals';
import { KafkaJSConnectionError, KafkaJSProtocolError } from 'kafkajs';
import { BrokerQueue } from '../../../../src/publishing/producer/broker-queue.js';
import { ClaimExpired } from '../../../../src/publishing/producer/claim-check.js';
import { PartitionBatch } from '../../../../src/publishing/producer/partition-batch.js';
import {
  backoffs,
  isBrokerFailure,
  nextStep,
} from '../../../../src/publishing/producer/retry-policy.js';
import { partitionOf, PRODUCER, queued } from './records.js';

const PARTITION = partitionOf(new BrokerQueue(1), 0);

const protocolError = (type: string) =>
  new KafkaJSProtocolError({ type, code: 1, message: type } as never);

function batchOf(records: number, { maybeSent = false } = {}): PartitionBatch {
  const all = Array.from({ length: records }, () => queued(PARTITION));
  const batch = new PartitionBatch(PARTITION, all, PRODUCER);
  if (maybeSent) batch.markSent();
  return batch;
}

describe('nextStep', () => {
  it.each([
    ['DUPLICATE_SEQUENCE_NUMBER', { step: 'acknowledge' }],
    ['NOT_LEADER_FOR_PARTITION', { step: 'requeue' }],
    ['NOT_ENOUGH_REPLICAS', { step: 'repeat' }],
    ['MESSAGE_TOO_LARGE', { step: 'split' }],
    ['TOPIC_AUTHORIZATION_FAILED', { step: 'give-up', fault: 'refused' }],
    ['OUT_OF_ORDER_SEQUENCE_NUMBER', { step: 'give-up', fault: 'producer-fatal' }],
  ])('after %s is %j', (type, step) => {
    expect(nextStep(batchOf(2), protocolError(type))).toEqual(step);
  });

  it('gives up a single record that is too large', () => {
    expect(nextStep(batchOf(1), protocolError('MESSAGE_TOO_LARGE'))).toEqual({
      step: 'give-up',
      fault: 'refused',
    });
  });

  it('after an expired claim depends on whether a broker may have the records', () => {
    const expired = new ClaimExpired('not renewed');
    const fault = 'claim-lapsed';
    expect(nextStep(batchOf(1), expired)).toEqual({ step: 'withdraw', fault });
    const sent = batchOf(1, { maybeSent: true });
    expect(nextStep(sent, expired)).toEqual({ step: 'give-up', fault });
  });
});

describe('isBrokerFailure', () => {
  it('tells a failed broker from a failed partition', () => {
    expect(isBrokerFailure(new KafkaJSConnectionError('reset'))).toBe(true);
    expect(isBrokerFailure(protocolError('NOT_ENOUGH_REPLICAS'))).toBe(false);
  });
});

describe('backoffs', () => {
  it('doubles from 100 ms to 1 s', () => {
    const generator = backoffs();
    const first = Array.from({ length: 6 }, () => generator.next().value);
    expect(first).toEqual([100, 200, 400, 800, 1000, 1000]);
  });
});
