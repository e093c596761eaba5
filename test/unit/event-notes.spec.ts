import { Logger } from '@nestjs/common';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { EventNotes } from '../../src/bridge/event-notes.js';
import type { Config } from '../../src/config.js';
import { parseGeminiEvent } from '../../src/event/gemini-event.js';
import { RedisUnavailableError } from '../../src/redis/redis-scripts.js';
import { MemoryJobRegistry } from '../../src/registry/memory.job-registry.js';
import { without } from '../../src/registry/json.js';
import { knownJob } from '../support/jobs.js';
import { eventBody } from '../support/sender.js';

const CONFIG = { shutdownTimeoutMs: 8000 } as Config;

beforeAll(() => Logger.overrideLogger(false));

async function noted(type: string, data: object, kind = 'batch') {
  const registry = new MemoryJobRegistry();
  const job = without(knownJob({ kind, state: 'unknown', dueAt: 1 }), 'geminiName');
  await registry.add(job);
  const event = parseGeminiEvent(Buffer.from(eventBody(type, data)));
  return { registry, notes: new EventNotes(registry, CONFIG), event };
}

describe('EventNotes', () => {
  it('notes what became of the job, and its name', async () => {
    const { registry, notes, event } = await noted('batch.succeeded', { id: '7' });
    await notes.note('job-1', event, 'msg_1');
    expect(await registry.find('job-1')).toMatchObject({
      state: 'succeeded',
      geminiName: 'batches/7',
      lastEvent: { type: 'batch.succeeded', webhookId: 'msg_1' },
      untold: ['submitted', 'ended'],
    });
  });

  it('notes no name that a job of its kind cannot have', async () => {
    const { registry, notes, event } = await noted('batch.succeeded', { id: '../x' });
    await notes.note('job-1', event, 'msg_1');
    expect(await registry.find('job-1')).not.toHaveProperty('geminiName');
  });

  it('has somebody look at a job that goes on although nobody knew it was taken', async () => {
    const id = 'v1_abc';
    const given = await noted('interaction.requires_action', { id }, 'interaction');
    await given.notes.note('job-1', given.event, 'msg_1');
    expect(await given.registry.find('job-1')).toMatchObject({
      state: 'submitted',
      geminiName: 'interactions/v1_abc',
      untold: ['submitted'],
    });
    expect(await given.registry.due('look', Date.now(), 1)).toHaveLength(1);
  });

  it('does it later when the registry does not answer, and the end waits for that', async () => {
    const { registry, notes, event } = await noted('batch.failed', { id: '7' });
    const change = registry.change.bind(registry);
    let silences = 2;
    registry.change = (...given) => {
      if (silences-- <= 0) return change(...given);
      return Promise.reject(new RedisUnavailableError('Redis did not answer'));
    };
    await notes.note('job-1', event, 'msg_1');
    expect(await registry.find('job-1')).toMatchObject({ state: 'unknown' });
    await notes.beforeApplicationShutdown();
    expect(await registry.find('job-1')).toMatchObject({ state: 'failed' });
  });
});
