import { describe, expect, it } from '@jest/globals';
import type { DeliveryTrace } from '../../../src/receiver/tracing/delivery-trace.js';
import type { Delivery } from '../../../src/receiver/delivery.js';
import {
  deadLetterRecord,
  eventOf,
  eventRecord,
} from '../../../src/receiver/delivery-record.js';
import type { EventRecord } from '../../../src/publishing/event-publisher.js';
import { eventBody } from '../../support/sender.js';

const DELIVERY: Delivery = {
  key: 'static:msg_1',
  scope: 'static',
  bodyHash: undefined,
  proof: {
    scheme: 'v1',
    id: 'msg_1',
    timestamp: '1767225600',
    signature: 'v1,AAAA',
    keyId: 'abcd1234',
    body: Buffer.from(eventBody()),
    bodyBound: true,
  },
  capability: undefined,
  trace: { traceparent: '00-1-2-01' } as DeliveryTrace,
  receivedAt: Date.UTC(2026, 0, 1),
  deadline: 0,
};
const FOR_JOB: Delivery = {
  ...DELIVERY,
  key: 'jobs/job-1:msg_1',
  scope: 'jobs/job-1',
  capability: { jobId: 'job-1', correlationId: 'order-42' },
};
const JOB = {
  jobId: 'job-1',
  correlationId: 'order-42',
  metadata: { tenant: 'blau-ü' },
  isRegistered: true,
  endId: 'job-1:batch.succeeded',
};
const EVENT = {
  type: 'batch.succeeded',
  subject: 'batches/1',
  jobName: 'batches/1',
  time: '2026-01-01T00:00:00Z',
};

/** Record headers as Kafka takes them. */
function expectKafkaHeaders({ headers }: EventRecord): void {
  for (const [name, value] of Object.entries(headers)) {
    expect(name).toMatch(/^[a-z][a-z0-9_-]*$/);
    expect(typeof value).toBe('string');
  }
  const names = Object.keys(headers).map((name) => name.toLowerCase());
  expect(new Set(names).size).toBe(names.length);
}

describe('eventRecord', () => {
  it('is a CloudEvent in binary mode, with the proof', () => {
    const record = eventRecord(DELIVERY, EVENT, 'gemini', undefined);
    expect(record).toEqual({
      topic: 'gemini.batch.succeeded',
      key: 'batches/1',
      value: DELIVERY.proof.body,
      headers: {
        ce_specversion: '1.0',
        ce_id: 'msg_1',
        ce_source: 'https://generativelanguage.googleapis.com',
        ce_type: 'batch.succeeded',
        ce_time: '2026-01-01T00:00:00Z',
        ce_subject: 'batches/1',
        ce_dataschema: 'urn:gemini-kafka-bridge:event:batch.succeeded:v1',
        'content-type': 'application/json',
        'webhook-id': 'msg_1',
        'webhook-timestamp': '1767225600',
        'webhook-signature': 'v1,AAAA',
        'bridge-scheme': 'v1',
        'bridge-key-id': 'abcd1234',
        'bridge-scope': 'static',
        'bridge-received-at': '2026-01-01T00:00:00.000Z',
        traceparent: '00-1-2-01',
      },
    });
    expect(record.value).toBe(DELIVERY.proof.body);
    expectKafkaHeaders(record);
  });

  it('has no header for a member that the event does not have', () => {
    const event = {
      type: 'ping',
      subject: undefined,
      jobName: undefined,
      time: undefined,
    };
    const record = eventRecord(DELIVERY, event, 'acme', undefined);
    expect(record).toMatchObject({ topic: 'acme.other', key: 'msg_1' });
    expect(record.headers).not.toHaveProperty('ce_subject');
    expect(record.headers['ce_time']).toBe('2026-01-01T00:00:00.000Z');
    expectKafkaHeaders(record);
  });

  it('has the correlation of a job, and its metadata if they are known', () => {
    const unregistered = { ...JOB, metadata: undefined, isRegistered: false };
    const unknown = eventRecord(FOR_JOB, EVENT, 'gemini', unregistered);
    expect(unknown.headers).toMatchObject({
      'bridge-job-registered': 'false',
      'bridge-scope': 'jobs/job-1',
      'bridge-job-id': 'job-1',
      'correlation-id': 'order-42',
    });
    expect(unknown.headers).not.toHaveProperty('bridge-job-metadata');
    const known = eventRecord(FOR_JOB, EVENT, 'gemini', JOB);
    expect(known.headers).not.toHaveProperty('bridge-job-registered');
    expect(known.headers['bridge-job-metadata']).toBe('{"tenant":"blau-ü"}');
    expectKafkaHeaders(known);
  });

  it('has the name of a known job as its key, in the spelling of the registry', () => {
    const event = { ...EVENT, subject: 'files/abc', jobName: undefined };
    const job = { ...JOB, geminiName: 'models/veo/operations/1' };
    expect(eventRecord(FOR_JOB, event, 'gemini', job)).toMatchObject({
      key: 'models/veo/operations/1',
      headers: { ce_subject: 'files/abc' },
    });
    expect(eventRecord(FOR_JOB, event, 'gemini', JOB).key).toBe('files/abc');
  });

  it('has the id of the end of a job', () => {
    const ended = eventRecord(FOR_JOB, EVENT, 'gemini', JOB);
    expect(ended.headers['bridge-outcome']).toBe(JOB.endId);
    const waiting = { ...EVENT, type: 'interaction.requires_action' };
    const open = eventRecord(FOR_JOB, waiting, 'gemini', { ...JOB, endId: undefined });
    expect(open.headers).not.toHaveProperty('bridge-outcome');
  });
});

describe('deadLetterRecord', () => {
  it('keeps the bytes, the proof and the reason', () => {
    const record = deadLetterRecord(FOR_JOB, 'other-job', 'gemini');
    expect(record).toMatchObject({
      topic: 'gemini-bridge.dead-letter',
      key: 'msg_1',
      headers: {
        'bridge-reason': 'other-job',
        'content-type': 'application/octet-stream',
        'webhook-id': 'msg_1',
        'webhook-signature': 'v1,AAAA',
        'bridge-job-id': 'job-1',
        'correlation-id': 'order-42',
      },
    });
    expect(record.value).toBe(FOR_JOB.proof.body);
    expect(Object.keys(record.headers).filter((name) => name.startsWith('ce_'))).toEqual(
      [],
    );
    expectKafkaHeaders(record);
  });
});

describe('eventOf', () => {
  it('is the event, or the error that says why the bytes are none', () => {
    expect(eventOf(DELIVERY)).toEqual(EVENT);
    const junk = { ...DELIVERY, proof: { ...DELIVERY.proof, body: Buffer.from('junk') } };
    expect(eventOf(junk)).toMatchObject({ fault: 'not-json', type: undefined });
    const unnamed = { ...DELIVERY.proof, body: Buffer.from(eventBody(EVENT.type, {})) };
    expect(eventOf({ ...DELIVERY, proof: unnamed })).toMatchObject({
      fault: 'job-unnamed',
      type: 'batch.succeeded',
    });
  });
});
