import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type {
  DedupeConfig,
  TokenConfig,
  TopicsConfig,
} from '../../../src/config/config.js';
import { Metrics } from '../../../src/infrastructure/metrics/metrics.js';
import { MemoryJobRegistry } from '../../../src/jobs/registry/memory.job-registry.js';
import { MemoryDedupeStore } from '../../../src/publishing/dedupe/memory.dedupe-store.js';
import {
  PublishError,
  type PublishPermit,
} from '../../../src/publishing/event-publisher.js';
import { JobEndPublications } from '../../../src/publishing/job-end-publications.js';
import { Publications } from '../../../src/publishing/publications.js';
import {
  DeliveryProcessor,
  type ProcessingResult,
} from '../../../src/receiver/delivery-processor.js';
import type { Delivery } from '../../../src/receiver/delivery.js';
import { EventConfirmation } from '../../../src/receiver/job-matching/event-confirmation.js';
import { JobEventRecorder } from '../../../src/receiver/job-matching/job-event-recorder.js';
import { JobMatcher } from '../../../src/receiver/job-matching/job-matcher.js';
import type { Capability } from '../../../src/signature/capability.js';
import { FAKED_CLOCK } from '../../support/clock.js';
import { FakeGemini } from '../../support/fake-gemini.js';
import { knownJob } from '../../support/jobs.js';
import { RecordingPublisher } from '../../support/recording.publisher.js';
import { eventBody } from '../../support/sender.js';

const TOPICS = { prefix: 'gemini' } as TopicsConfig;
const PERMIT: PublishPermit = { deadline: Infinity, askedAt: 0, heldUntil: Infinity };
const CAPABILITY: Capability = { jobId: 'job-1', correlationId: 'correlation-1' };
const LINES_A_SECOND = 10;

let publisher: RecordingPublisher;
let registry: MemoryJobRegistry;
let metrics: Metrics;
let processor: DeliveryProcessor;
let warnings: unknown[];

beforeEach(() => {
  warnings = [];
  Logger.overrideLogger({
    log: () => undefined,
    error: () => undefined,
    warn: (line: unknown) => warnings.push(line),
  });
  publisher = new RecordingPublisher();
  registry = new MemoryJobRegistry();
  metrics = new Metrics();
  const gemini = new FakeGemini();
  const matcher = new JobMatcher(registry, gemini);
  const store = new MemoryDedupeStore(60_000, 100);
  processor = new DeliveryProcessor(
    publisher,
    new JobEndPublications(new Publications(store, metrics, 0, {} as DedupeConfig)),
    registry,
    matcher,
    new EventConfirmation(gemini, {} as TokenConfig),
    new JobEventRecorder(registry, matcher, 0),
    metrics,
    TOPICS,
  );
});

afterEach(() => {
  jest.useRealTimers();
  Logger.overrideLogger(false);
});

function process(body: string, capability?: Capability): Promise<ProcessingResult> {
  const delivery = {
    scope: 'static',
    capability,
    deadline: performance.now() + 4000,
    proof: { id: 'msg_1', body: Buffer.from(body), bodyBound: true },
    trace: { continue: () => undefined, traceId: 'trace-1' },
    receivedAt: Date.now(),
  } as unknown as Delivery;
  return processor.process(delivery, PERMIT, capability);
}

describe('an event', () => {
  it('is published, without a warning', async () => {
    await expect(process(eventBody())).resolves.toBe('published');
    expect(publisher.records.map(({ topic }) => topic)).toEqual([
      'gemini.batch.succeeded',
    ]);
    expect(warnings).toEqual([]);
  });
});

describe('a dead letter', () => {
  it('is logged with its reason and its position in the topic', async () => {
    await process(eventBody());
    await expect(process('no event')).resolves.toBe('dead-lettered');
    expect(warnings).toEqual([
      {
        message: 'delivery is a dead letter',
        reason: 'not-json',
        webhookId: 'msg_1',
        eventType: undefined,
        jobId: undefined,
        traceId: 'trace-1',
        topic: 'gemini-bridge.dead-letter',
        partition: 0,
        offset: 1,
      },
    ]);
  });

  it('is logged with its event type, if the bytes have one', async () => {
    await process(eventBody('batch.failed', {}));
    expect(warnings).toEqual([
      expect.objectContaining({ reason: 'job-unnamed', eventType: 'batch.failed' }),
    ]);
  });

  it('is logged with the job that its path names', async () => {
    await registry.add(knownJob());
    const foreign = eventBody('batch.succeeded', { id: 'batches/another' });
    await expect(process(foreign, CAPABILITY)).resolves.toBe('dead-lettered');
    expect(warnings).toEqual([
      expect.objectContaining({
        reason: 'other-job',
        eventType: 'batch.succeeded',
        jobId: 'job-1',
      }),
    ]);
  });

  it('is not logged when Kafka does not have it', async () => {
    publisher.fail('unavailable');
    await expect(process('no event')).rejects.toThrow(PublishError);
    expect(warnings).toEqual([]);
  });

  it('is logged ten times a second at most, and always counted', async () => {
    jest.useFakeTimers(FAKED_CLOCK);
    for (let i = 0; i < LINES_A_SECOND + 5; i++) await process('no event');
    expect(warnings).toHaveLength(LINES_A_SECOND);
    const text = await metrics.registry.metrics();
    expect(text).toContain(
      `gemini_bridge_dead_letters_total{reason="not-json"} ${LINES_A_SECOND + 5}`,
    );
    jest.advanceTimersByTime(1000);
    await process('no event');
    expect(warnings).toHaveLength(LINES_A_SECOND + 1);
  });
});
