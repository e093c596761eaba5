import { describe, expect, it } from '@jest/globals';
import { MemoryJobRegistry } from '../../src/registry/memory.job-registry.js';
import { knownJob } from '../support/jobs.js';

describe('MemoryJobRegistry', () => {
  it('changes what is given, and when that was', async () => {
    const registry = new MemoryJobRegistry();
    const job = knownJob();
    await registry.put(job);
    await registry.update('job-1', { state: 'failed' });
    const found = await registry.find('job-1');
    expect(found).toEqual({ ...job, state: 'failed', updatedAt: found?.updatedAt });
    expect(found?.updatedAt).not.toBe(job.updatedAt);
  });

  it('does not make a job by a change', async () => {
    const registry = new MemoryJobRegistry();
    await registry.update('nobody', { state: 'failed' });
    expect(await registry.find('nobody')).toBeUndefined();
  });

  it.each([
    ['batch.succeeded', 'succeeded'],
    ['batch.failed', 'failed'],
    ['batch.expired', 'expired'],
    ['batch.cancelled', 'cancelled'],
    ['something.new', 'submitted'],
  ])('by a %s the job is %s', async (type, state) => {
    const registry = new MemoryJobRegistry();
    await registry.put(knownJob());
    await registry.noteEvent(
      'job-1',
      { type, subject: undefined, time: undefined },
      'msg_1',
    );
    expect(await registry.find('job-1')).toMatchObject({
      state,
      lastEvent: { type, webhookId: 'msg_1', at: expect.any(String) },
    });
  });

  it('never holds more than its bound: the oldest goes first', async () => {
    const registry = new MemoryJobRegistry(2);
    for (const id of ['a', 'b', 'c']) await registry.put(knownJob({ id }));
    expect(await registry.find('a')).toBeUndefined();
    expect(await registry.find('b')).toBeDefined();
    expect(await registry.find('c')).toBeDefined();
  });
});
