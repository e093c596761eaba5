import { Logger } from '@nestjs/common';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Delivery } from '../../../../src/receiver/delivery.js';
import { JobEventRecorder } from '../../../../src/receiver/job-matching/job-event-recorder.js';
import { JobMatcher } from '../../../../src/receiver/job-matching/job-matcher.js';
import type { Config } from '../../../../src/config/config.js';
import { parseGeminiEvent } from '../../../../src/events/gemini-event.js';
import { RedisUnavailableError } from '../../../../src/infrastructure/redis/redis-scripts.js';
import { MemoryJobRegistry } from '../../../../src/jobs/registry/memory.job-registry.js';
import { without } from '../../../../src/infrastructure/json/json.js';
import { FakeGemini } from '../../../support/fake-gemini.js';
import { knownJob } from '../../../support/jobs.js';
import { eventBody } from '../../../support/sender.js';

const CONFIG = { shutdownTimeoutMs: 8000 } as Config;

beforeAll(() => Logger.overrideLogger(false));

async function noted(type: string, data: object, kind = 'batch') {
  const registry = new MemoryJobRegistry();
  const job = without(knownJob({ kind, state: 'unknown', dueAt: 1 }), 'geminiName');
  await registry.add(job);
  const event = parseGeminiEvent(Buffer.from(eventBody(type, data)));
  const identity = new JobMatcher(registry, new FakeGemini());
  return { registry, notes: new JobEventRecorder(registry, identity, CONFIG), event };
}

const repeat = (type: string, data: object, more: object = {}): Delivery => {
  const body = Buffer.from(eventBody(type, data));
  const proof = { id: 'msg_1', body, bodyBound: true, ...more };
  const capability = { jobId: 'job-1', correlationId: 'correlation-1' };
  return { proof, capability } as Delivery;
};

describe('EventNotes', () => {
  it('notes what became of the job, and its name', async () => {
    const { registry, notes, event } = await noted('batch.succeeded', { id: '7' });
    await notes.record('job-1', event, 'msg_1');
    expect(await registry.find('job-1')).toMatchObject({
      state: 'succeeded',
      geminiName: 'batches/7',
      lastEvent: { type: 'batch.succeeded', webhookId: 'msg_1' },
      untold: ['submitted', 'ended'],
    });
  });

  it('notes no name that a job of its kind cannot have', async () => {
    const { registry, notes, event } = await noted('batch.succeeded', { id: '../x' });
    await notes.record('job-1', event, 'msg_1');
    expect(await registry.find('job-1')).not.toHaveProperty('geminiName');
  });

  it('has somebody look at a job that goes on although nobody knew it was taken', async () => {
    const id = 'v1_abc';
    const given = await noted('interaction.requires_action', { id }, 'interaction');
    await given.notes.record('job-1', given.event, 'msg_1');
    expect(await given.registry.find('job-1')).toMatchObject({
      state: 'submitted',
      geminiName: 'interactions/v1_abc',
      untold: ['submitted'],
    });
    expect(await given.registry.findDue('look', Date.now(), 1)).toHaveLength(1);
  });

  it('notes a repeat where whoever published it did not come to that', async () => {
    const id = 'v1_abc';
    const { registry, notes } = await noted(
      'interaction.completed',
      { id },
      'interaction',
    );
    await notes.recordDuplicate(
      repeat('interaction.completed', { id }, { bodyBound: false }),
    );
    await notes.recordDuplicate(repeat('batch.succeeded', { id }));
    await notes.recordDuplicate({ ...repeat('x', { id }), capability: undefined });
    await notes.recordDuplicate(repeat('batch.succeeded', {}));
    expect(await registry.find('job-1')).toMatchObject({ state: 'unknown' });
    await notes.recordDuplicate(repeat('interaction.completed', { id }));
    const left = await registry.find('job-1');
    expect(left).toMatchObject({ state: 'succeeded', geminiName: `interactions/${id}` });
    await notes.recordDuplicate(
      repeat('interaction.requires_action', { id }, { id: 'msg_2' }),
    );
    expect(await registry.find('job-1')).toEqual(left);
  });

  it('does not take a job back to an older event', async () => {
    const { registry, notes, event } = await noted('batch.succeeded', { id: '7' });
    const at = new Date(Date.now() + 60_000).toISOString();
    const lastEvent = { type: 'batch.failed', webhookId: 'msg_2', at };
    await registry.updateJob('job-1', (job) => ({ ...job, lastEvent, updatedAt: at }));
    await notes.record('job-1', event, 'msg_1');
    expect(await registry.find('job-1')).toMatchObject({ lastEvent });
  });

  it('does it later when the registry does not answer, and the end waits for that', async () => {
    const { registry, notes, event } = await noted('batch.failed', { id: '7' });
    const change = registry.updateJob.bind(registry);
    let silences = 2;
    registry.updateJob = (...given) => {
      if (silences-- <= 0) return change(...given);
      return Promise.reject(new RedisUnavailableError('Redis did not answer'));
    };
    await notes.record('job-1', event, 'msg_1');
    expect(await registry.find('job-1')).toMatchObject({ state: 'unknown' });
    await notes.beforeApplicationShutdown();
    expect(await registry.find('job-1')).toMatchObject({ state: 'failed' });
  });
});
