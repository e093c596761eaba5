import { Logger, type ExecutionContext } from '@nestjs/common';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Request } from 'express';
import type {
  DedupeConfig,
  TokenConfig,
  TopicsConfig,
} from '../../../src/config/config.js';
import { encodeRecord } from '../../../src/infrastructure/kafka/kafkajs/record-encoder.js';
import { Metrics } from '../../../src/infrastructure/metrics/metrics.js';
import { IdsOnly } from '../../../src/infrastructure/tracing/tracing.js';
import { kindOf } from '../../../src/jobs/job-kinds.js';
import {
  milestoneRecord,
  reconciledRecord,
} from '../../../src/jobs/reconciliation/job-records.js';
import { OncePublisher } from '../../../src/jobs/reconciliation/once-publisher.js';
import { MemoryJobRegistry } from '../../../src/jobs/registry/memory.job-registry.js';
import { MemoryDedupeStore } from '../../../src/publishing/dedupe/memory.dedupe-store.js';
import { scanBatches } from '../../../src/publishing/history/record-scan.js';
import { JobEndPublications } from '../../../src/publishing/job-end-publications.js';
import { Publications } from '../../../src/publishing/publications.js';
import type { PublishPermit } from '../../../src/publishing/event-publisher.js';
import { DeliveryProcessor } from '../../../src/receiver/delivery-processor.js';
import { deliveryOf, type Delivery } from '../../../src/receiver/delivery.js';
import { attachRawRequest } from '../../../src/receiver/http/raw-request.js';
import { EventConfirmation } from '../../../src/receiver/job-matching/event-confirmation.js';
import { JobEventRecorder } from '../../../src/receiver/job-matching/job-event-recorder.js';
import { JobMatcher } from '../../../src/receiver/job-matching/job-matcher.js';
import { VerificationGuard } from '../../../src/receiver/verification.guard.js';
import type { Capability } from '../../../src/signature/capability.js';
import type { Proof } from '../../../src/signature/proof.js';
import type { SignatureVerifier } from '../../../src/signature/signature-verifier.js';
import { FakeGemini } from '../../support/fake-gemini.js';
import { knownJob } from '../../support/jobs.js';
import { RecordingPublisher } from '../../support/recording.publisher.js';
import { eventBody } from '../../support/sender.js';

/*
 * Golden keys: Redis stores them, and every replica composes them anew from the headers of the
 * records on Kafka. A key that changes makes an event be published twice, or never.
 */

const BODY = Buffer.from('{}');
/** SHA-256 of `{}`, base64url. */
const BODY_SHA256 = 'RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o';
const ACK_BUDGET_MS = 4000;
const TOPICS = { prefix: 'gemini' } as TopicsConfig;
const DEDUPE = {} as DedupeConfig;

beforeAll(() => Logger.overrideLogger(false));

/** A store that tells which keys were claimed. */
class ClaimedKeys extends MemoryDedupeStore {
  readonly keys: string[] = [];

  constructor() {
    super(60_000, 100);
  }

  override claim(key: string) {
    this.keys.push(key);
    return super.claim(key);
  }
}

describe('the dedupe key of a delivery', () => {
  const proof: Proof = {
    scheme: 'v1',
    id: 'msg_1',
    timestamp: '1767225600',
    signature: 'v1,AAAA',
    keyId: 'abcd1234',
    body: BODY,
    bodyBound: true,
  };
  const capability: Capability = { jobId: 'job-1', correlationId: 'order-42' };

  async function keyOf(pathToken: string | undefined, found: Proof): Promise<string> {
    const verifier = {
      verifyStatic: () => found,
      verifyDynamic: () => Promise.resolve({ proof: found, capability }),
    } as unknown as SignatureVerifier;
    const guard = new VerificationGuard(
      verifier,
      new IdsOnly(),
      new Metrics(),
      ACK_BUDGET_MS,
    );
    const request = { headers: {} } as Request;
    attachRawRequest(request, { body: BODY, pathToken, at: performance.now() });
    const http = { getRequest: () => request };
    await guard.canActivate({ switchToHttp: () => http } as ExecutionContext);
    return deliveryOf(request).key;
  }

  it('is the scope and the id', async () => {
    expect(await keyOf(undefined, proof)).toBe('static:msg_1');
    expect(await keyOf('token', proof)).toBe('jobs/job-1:msg_1');
  });

  it('ends with the hash of a body that the proof does not bind', async () => {
    const unbound = { ...proof, bodyBound: false };
    expect(await keyOf('token', unbound)).toBe(`jobs/job-1:msg_1:${BODY_SHA256}`);
    expect(await keyOf(undefined, unbound)).toBe(`static:msg_1:${BODY_SHA256}`);
  });
});

describe('the dedupe keys of what a delivery says of its job', () => {
  it('are the outcome, and the id under which the bridge itself would have told it', async () => {
    const store = new ClaimedKeys();
    const registry = new MemoryJobRegistry();
    await registry.add(knownJob());
    const gemini = new FakeGemini();
    const metrics = new Metrics();
    const matcher = new JobMatcher(registry, gemini);
    const processor = new DeliveryProcessor(
      new RecordingPublisher(),
      new JobEndPublications(new Publications(store, metrics, 0, DEDUPE)),
      registry,
      matcher,
      new EventConfirmation(gemini, {} as TokenConfig),
      new JobEventRecorder(registry, matcher, 0),
      metrics,
      TOPICS,
    );
    store.confirm('outcome:job-1:batch.succeeded');
    const capability = { jobId: 'job-1', correlationId: 'correlation-1' };
    const delivery = {
      key: 'jobs/job-1:msg_1',
      scope: 'jobs/job-1',
      deadline: performance.now() + 4000,
      capability,
      proof: { id: 'msg_1', body: Buffer.from(eventBody()), bodyBound: true },
      trace: { continue: () => undefined },
      receivedAt: Date.now(),
    } as unknown as Delivery;
    await processor.process(delivery, {} as PublishPermit, capability);
    expect(store.keys).toEqual([
      'outcome:job-1:batch.succeeded',
      'jobs/job-1:reconciled:job-1:batch.succeeded',
    ]);
  });
});

describe('the dedupe keys of what the bridge itself says of a job', () => {
  it('are the job, the milestone and the attempt', () => {
    const job = knownJob({ attempts: 2, endedAt: '2026-01-01T00:00:01.000Z' });
    const keyOf = (milestone: 'submitted' | 'unknown' | 'ended') =>
      milestoneRecord(job, milestone, 'gemini').key;
    expect(keyOf('submitted')).toBe('bridge:job_job-1_submitted_2');
    expect(keyOf('unknown')).toBe('bridge:job_job-1_unknown_2');
    expect(keyOf('ended')).toBe('bridge:job_job-1_ended_2_1767225601000');
  });

  it('are the outcome, and the id of the event that Gemini never delivered', async () => {
    const job = knownJob();
    const missed = reconciledRecord(job, kindOf(job), { state: 'succeeded' }, 'gemini');
    expect(missed.key).toBe('jobs/job-1:reconciled:job-1:batch.succeeded');
    const store = new ClaimedKeys();
    const metrics = new Metrics();
    const attempts = new Publications(store, metrics, 0, DEDUPE);
    const publisher = new RecordingPublisher();
    const once = new OncePublisher(attempts, publisher, metrics, ACK_BUDGET_MS);
    await once.publishEnd(missed.endId, missed);
    expect(store.keys).toEqual([
      'outcome:job-1:batch.succeeded',
      'jobs/job-1:reconciled:job-1:batch.succeeded',
    ]);
  });
});

/** A record batch of one record, as kafkajs writes it. */
function batchOf(headers: Record<string, string>): Buffer {
  const { buffer: record } = encodeRecord({
    offsetDelta: 0,
    timestampDelta: 0,
    key: 'k',
    value: 'v',
    headers,
  });
  const head = Buffer.alloc(61);
  head.writeInt32BE(head.length + record.length - 12, 8);
  head.writeInt8(2, 16);
  head.writeInt32BE(1, 57);
  return Buffer.concat([head, record]);
}

describe('the dedupe keys of a record on Kafka', () => {
  it.each([
    [{ 'webhook-id': 'msg_1', 'bridge-scope': 'static' }, ['static:msg_1']],
    [{ 'webhook-id': 'msg_1', 'bridge-scope': 'jobs/job-1' }, ['jobs/job-1:msg_1']],
    [
      {
        'webhook-id': 'msg_1',
        'bridge-scope': 'jobs/job-1',
        'bridge-body-sha256': BODY_SHA256,
      },
      [`jobs/job-1:msg_1:${BODY_SHA256}`],
    ],
    [
      { 'webhook-id': 'job_job-1_unknown_1', 'bridge-scope': 'bridge' },
      ['bridge:job_job-1_unknown_1'],
    ],
    [
      {
        'webhook-id': 'reconciled:job-1:batch.succeeded',
        'bridge-scope': 'jobs/job-1',
        'bridge-outcome': 'job-1:batch.succeeded',
      },
      ['outcome:job-1:batch.succeeded', 'jobs/job-1:reconciled:job-1:batch.succeeded'],
    ],
  ])('with the headers %j are %j', (headers, keys) => {
    const found: string[] = [];
    scanBatches(batchOf(headers), 0, (key) => found.push(key));
    expect(found).toEqual(keys);
  });
});
