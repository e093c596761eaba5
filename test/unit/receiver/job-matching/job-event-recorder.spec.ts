import { Logger } from '@nestjs/common';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Delivery } from '../../../../src/receiver/delivery.js';
import { JobEventRecorder } from '../../../../src/receiver/job-matching/job-event-recorder.js';
import { JobMatcher } from '../../../../src/receiver/job-matching/job-matcher.js';
import { parseGeminiEvent } from '../../../../src/events/gemini-event.js';
import { RedisUnavailableError } from '../../../../src/infrastructure/redis/redis-scripts.js';
import { MemoryJobRegistry } from '../../../../src/jobs/registry/memory.job-registry.js';
import { without } from '../../../../src/infrastructure/json/json.js';
import { FakeGemini } from '../../../support/fake-gemini.js';
import { knownJob } from '../../../support/jobs.js';
import { eventBody } from '../../../support/sender.js';

const SHUTDOWN_TIMEOUT_MS = 8000;

beforeAll(() => Logger.overrideLogger(false));

async function jobIn(type: string, data: object, kind = 'batch') {
  const registry = new MemoryJobRegistry();
  const job = without(knownJob({ kind, state: 'unknown', dueAt: 1 }), 'geminiName');
  await registry.add(job);
  const event = parseGeminiEvent(Buffer.from(eventBody(type, data)));
  const matcher = new JobMatcher(registry, new FakeGemini());
  return {
    registry,
    recorder: new JobEventRecorder(registry, matcher, SHUTDOWN_TIMEOUT_MS),
    event,
  };
}

const repeat = (type: string, data: object, more: object = {}): Delivery => {
  const body = Buffer.from(eventBody(type, data));
  const proof = { id: 'msg_1', body, bodyBound: true, ...more };
  const capability = { jobId: 'job-1', correlationId: 'correlation-1' };
  return { proof, capability } as Delivery;
};

describe('JobEventRecorder', () => {
  it('records the state and the name of the job', async () => {
    const { registry, recorder, event } = await jobIn('batch.succeeded', { id: '7' });
    await recorder.recordEvent('job-1', event, 'msg_1');
    expect(await registry.find('job-1')).toMatchObject({
      state: 'succeeded',
      geminiName: 'batches/7',
      lastEvent: { type: 'batch.succeeded', webhookId: 'msg_1' },
      untold: ['submitted', 'ended'],
    });
  });

  it('records no name that a job of its kind cannot have', async () => {
    const { registry, recorder, event } = await jobIn('batch.succeeded', { id: '../x' });
    await recorder.recordEvent('job-1', event, 'msg_1');
    expect(await registry.find('job-1')).not.toHaveProperty('geminiName');
  });

  it('has a job polled that was unknown and goes on', async () => {
    const id = 'v1_abc';
    const given = await jobIn('interaction.requires_action', { id }, 'interaction');
    await given.recorder.recordEvent('job-1', given.event, 'msg_1');
    expect(await given.registry.find('job-1')).toMatchObject({
      state: 'submitted',
      geminiName: 'interactions/v1_abc',
      untold: ['submitted'],
    });
    expect(await given.registry.findDue('look', Date.now(), 1)).toHaveLength(1);
  });

  it('records the event of a duplicate that the first delivery did not record', async () => {
    const id = 'v1_abc';
    const { registry, recorder } = await jobIn(
      'interaction.completed',
      { id },
      'interaction',
    );
    await recorder.recordDuplicate(
      repeat('interaction.completed', { id }, { bodyBound: false }),
    );
    await recorder.recordDuplicate(repeat('batch.succeeded', { id }));
    await recorder.recordDuplicate({ ...repeat('x', { id }), capability: undefined });
    await recorder.recordDuplicate(repeat('batch.succeeded', {}));
    expect(await registry.find('job-1')).toMatchObject({ state: 'unknown' });
    await recorder.recordDuplicate(repeat('interaction.completed', { id }));
    const left = await registry.find('job-1');
    expect(left).toMatchObject({ state: 'succeeded', geminiName: `interactions/${id}` });
    await recorder.recordDuplicate(
      repeat('interaction.requires_action', { id }, { id: 'msg_2' }),
    );
    expect(await registry.find('job-1')).toEqual(left);
  });

  it('keeps a newer event of the job', async () => {
    const { registry, recorder, event } = await jobIn('batch.succeeded', { id: '7' });
    const at = new Date(Date.now() + 60_000).toISOString();
    const lastEvent = { type: 'batch.failed', webhookId: 'msg_2', at };
    await registry.updateJob('job-1', (job) => ({ ...job, lastEvent, updatedAt: at }));
    await recorder.recordEvent('job-1', event, 'msg_1');
    expect(await registry.find('job-1')).toMatchObject({ lastEvent });
  });

  it('retries when the registry does not answer, and the shutdown waits for it', async () => {
    const { registry, recorder, event } = await jobIn('batch.failed', { id: '7' });
    const change = registry.updateJob.bind(registry);
    let silences = 2;
    registry.updateJob = (...given) => {
      if (silences-- <= 0) return change(...given);
      return Promise.reject(new RedisUnavailableError('Redis did not answer'));
    };
    await recorder.recordEvent('job-1', event, 'msg_1');
    expect(await registry.find('job-1')).toMatchObject({ state: 'unknown' });
    await recorder.beforeApplicationShutdown();
    expect(await registry.find('job-1')).toMatchObject({ state: 'failed' });
  });
});
