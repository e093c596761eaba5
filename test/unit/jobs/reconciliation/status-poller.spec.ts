import { Logger } from '@nestjs/common';
import { beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { GeminiError } from '../../../../src/gemini/gemini.error.js';
import type { EventRecord } from '../../../../src/publishing/event-publisher.js';
import { newJobId } from '../../../../src/jobs/registry/job-id.js';
import { withProgress } from '../../../../src/jobs/job-lifecycle.js';
import type { Job } from '../../../../src/jobs/job.js';
import { without } from '../../../../src/infrastructure/json/json.js';
import { ago, JobReconciliation, dueJob } from '../../../support/job-reconciliation.js';

const ID = '01998f6e-0000-7000-8000-000000000001';

let reconciliation: JobReconciliation;

beforeAll(() => Logger.overrideLogger(false));

beforeEach(() => {
  reconciliation = new JobReconciliation();
});

const job = (more: Partial<Job> = {}): Job => dueJob({ id: ID, ...more });

/** The job after it was looked at. */
async function watched(given: Job): Promise<Job> {
  await reconciliation.registry.add(given);
  await reconciliation.watch();
  return (await reconciliation.registry.find(given.id)) as Job;
}

const operation = (state: string, more = {}) => ({
  name: 'batches/1',
  metadata: { state, updateTime: '2026-05-01T00:00:00Z', ...more },
});
const told = ({ headers, value }: EventRecord) => ({
  headers,
  value: JSON.parse(value.toString()) as object,
});

describe('a job without an event', () => {
  it('is asked about, and its progress noted', async () => {
    const batchStats = { requestCount: '10', successfulRequestCount: '4' };
    reconciliation.answers(operation('BATCH_STATE_RUNNING', { batchStats }));
    const left = await watched(job());
    expect(left).toMatchObject({
      state: 'running',
      progress: { total: 10, succeeded: 4 },
    });
    expect(left.dueAt).toBeGreaterThan(Date.now());
    expect(reconciliation.gemini.asked[0]).toMatchObject({ path: 'batches/1' });
    expect(reconciliation.gemini.asked[0]?.query?.['fields']).toContain('metadata.state');
    expect(reconciliation.topics).toEqual([]);
  });

  it('has the missing event published, marked as reconciled', async () => {
    const output = { responsesFile: 'files/batch-1' };
    reconciliation.answers(operation('BATCH_STATE_SUCCEEDED', { output }));
    const left = await watched(job({ metadata: { tenant: 'blue' } }));
    expect(left).toMatchObject({
      state: 'succeeded',
      outputFile: 'files/batch-1',
      untold: ['ended'],
      reconciled: true,
      lastEvent: {
        type: 'batch.succeeded',
        webhookId: `reconciled:${ID}:batch.succeeded`,
        at: expect.any(String),
      },
    });
    const [record] = reconciliation.publisher.records;
    expect(record).toMatchObject({ topic: 'gemini.batch.succeeded', key: 'batches/1' });
    expect(told(record!)).toEqual({
      value: {
        type: 'batch.succeeded',
        version: 'v1',
        timestamp: '2026-05-01T00:00:00Z',
        data: { id: 'batches/1', output_file_uri: 'files/batch-1' },
      },
      headers: expect.objectContaining({
        ce_type: 'batch.succeeded',
        ce_time: '2026-05-01T00:00:00Z',
        'webhook-id': left.lastEvent?.webhookId,
        'bridge-reconciled': 'true',
        'bridge-outcome': `${ID}:batch.succeeded`,
        'bridge-scope': `jobs/${ID}`,
        'correlation-id': 'correlation-1',
        'bridge-job-metadata': '{"tenant":"blue"}',
      }) as object,
    });
  });

  it('whose event was delivered only ends, and is not reconciled', async () => {
    reconciliation.store.confirm(`outcome:${ID}:batch.failed`);
    reconciliation.answers(operation('BATCH_STATE_FAILED'));
    const left = await watched(job());
    expect(left).toMatchObject({ state: 'failed', untold: ['ended'] });
    expect(left).not.toHaveProperty('reconciled');
    expect(left).not.toHaveProperty('lastEvent');
    expect(reconciliation.topics).toEqual([]);
  });

  it('is reconciled although the registry failed after the event was published', async () => {
    reconciliation.answers(operation('BATCH_STATE_SUCCEEDED'));
    const write = jest.spyOn(reconciliation.registry, 'updateJob');
    write.mockRejectedValueOnce(new Error('no answer'));
    const { state, dueAt } = await watched(job());
    expect(state).toBe('submitted');
    expect(dueAt).toBeGreaterThan(Date.now());
    await reconciliation.registry.updateJob(ID, (now) => ({ ...now, dueAt: 0 }));
    await reconciliation.watch();
    expect(await reconciliation.registry.find(ID)).toMatchObject({
      state: 'succeeded',
      reconciled: true,
      lastEvent: { webhookId: `reconciled:${ID}:batch.succeeded` },
    });
    expect(reconciliation.topics).toEqual(['gemini.batch.succeeded']);
  });

  it('that a delivered event has ended meanwhile gets the error that the event lacks', async () => {
    reconciliation.gemini.answer = async () => {
      await reconciliation.registry.updateJob(ID, (now) =>
        withProgress(now, 'failed', new Date()),
      );
      return { ...operation('BATCH_STATE_FAILED'), error: { code: 3, message: 'no' } };
    };
    expect(await watched(job())).toMatchObject({ error: { code: '3', message: 'no' } });
  });

  it('is not over while the missing event is not on Kafka', async () => {
    reconciliation.answers(operation('BATCH_STATE_SUCCEEDED'));
    reconciliation.publisher.fail('unavailable');
    const given = job();
    expect(await watched(given)).toEqual({ ...given, dueAt: expect.any(Number) });
  });

  it('that is a failed video has no event, and is over', async () => {
    reconciliation.answers({
      name: 'models/m/operations/o',
      done: true,
      error: { code: 3, message: 'no' },
    });
    const given = job({ kind: 'video', geminiName: 'models/m/operations/o' });
    expect(await watched(given)).toMatchObject({
      state: 'failed',
      error: { code: '3', message: 'no' },
      untold: ['ended'],
    });
    expect(reconciliation.topics).toEqual([]);
  });

  it('that Gemini does not know has failed when it says so for an hour', async () => {
    const missing = new GeminiError('Gemini answered 404', 'refused', { status: 404 });
    reconciliation.gemini.answer = () => Promise.reject(missing);
    const first = await watched(job({ createdAt: ago(600_000) }));
    expect(first).toMatchObject({ state: 'submitted' });
    expect(first.dueAt).toBeGreaterThan(Date.now());
    const missingSince = Date.now() - 3_601_000;
    const late = await watched(
      job({ id: 'late', geminiName: 'batches/2', missingSince }),
    );
    expect(late).toMatchObject({ state: 'failed', error: { code: 'gone' } });
  });

  it('is not gone when Gemini knows it again meanwhile', async () => {
    reconciliation.answers(operation('BATCH_STATE_RUNNING'));
    const left = await watched(job({ missingSince: Date.now() - 3_601_000 }));
    expect(left).not.toHaveProperty('missingSince');
  });

  it('and whose acceptance was unknown, was accepted', async () => {
    reconciliation.answers(operation('BATCH_STATE_SUCCEEDED'));
    const error = { code: 'outcome-unknown', message: 'x' };
    const left = await watched(job({ state: 'unknown', error }));
    expect(left).toMatchObject({ state: 'succeeded', untold: ['submitted', 'ended'] });
    expect(left).not.toHaveProperty('error');
  });

  it('is looked at although a list is not to be had', async () => {
    const away = { status: 503, retryAfterSeconds: 3600 };
    reconciliation.gemini.answer = ({ path }) =>
      path === 'batches'
        ? Promise.reject(new GeminiError('Gemini answered 503', 'unknown', away))
        : Promise.resolve(operation('BATCH_STATE_RUNNING'));
    await reconciliation.registry.add(job());
    await reconciliation.registry.add(
      without(job({ id: 'lost', state: 'unknown' }), 'geminiName'),
    );
    await reconciliation.round();
    expect(await reconciliation.registry.find(ID)).toMatchObject({ state: 'running' });
  });

  it('waits while Gemini has enough of questions', async () => {
    reconciliation.gemini.answer = () =>
      Promise.reject(
        new GeminiError('Gemini answered 429', 'refused', {
          status: 429,
          retryAfterSeconds: 60,
        }),
      );
    await watched(job());
    await watched(job({ id: 'other', geminiName: 'batches/2' }));
    expect(reconciliation.gemini.asked).toHaveLength(1);
  });

  it('waits when the calls of the minute are used up', async () => {
    reconciliation = new JobReconciliation({ callsPerMinute: 2 });
    reconciliation.answers(operation('BATCH_STATE_RUNNING'));
    const jobs = [1, 2, 3].map((n) =>
      job({ id: `job-${n}`, geminiName: `batches/${n}` }),
    );
    for (const one of jobs) await reconciliation.registry.add(one);
    await reconciliation.watch();
    expect(reconciliation.gemini.asked).toHaveLength(1);
    expect(await reconciliation.registry.find('job-2')).toEqual(jobs[1]);
    for (let n = 0; n < 20; n++) {
      await reconciliation.registry.add(
        job({ id: newJobId(), geminiName: `batches/1${n}` }),
      );
    }
    const questions = jest.spyOn(reconciliation.rateLimitedGemini, 'ask');
    await reconciliation.watch();
    expect(questions).toHaveBeenCalledTimes(8);
  });

  it('that cannot be looked at does not hold up those behind it', async () => {
    reconciliation.gemini.answer = ({ path }) =>
      path === 'batches/1'
        ? Promise.reject(
            new GeminiError('Gemini answered 500', 'unknown', { status: 500 }),
          )
        : Promise.resolve(operation('BATCH_STATE_RUNNING'));
    const jobs = [1, 2].map((n) => job({ id: `job-${n}`, geminiName: `batches/${n}` }));
    for (const one of jobs) await reconciliation.registry.add(one);
    await reconciliation.watch();
    expect(await reconciliation.registry.find('job-2')).toMatchObject({
      state: 'running',
    });
    expect((await reconciliation.registry.find('job-1'))?.dueAt).toBeGreaterThan(
      Date.now() + 60_000,
    );
    expect(await reconciliation.registry.findDue('look', Date.now(), 10)).toEqual([]);
  });

  it('that has ended meanwhile only learns what it did not know', async () => {
    const output = { responsesFile: 'files/out' };
    reconciliation.gemini.answer = async () => {
      await reconciliation.registry.updateJob(ID, (now) =>
        withProgress(now, 'succeeded', new Date()),
      );
      return { ...operation('BATCH_STATE_RUNNING', { output }), error: { message: 'x' } };
    };
    const left = await watched(job());
    expect(left).toMatchObject({ state: 'succeeded', outputFile: 'files/out' });
    expect(left).not.toHaveProperty('dueAt');
    expect(left).not.toHaveProperty('error');
  });

  it('that has ended meanwhile does not become due again when Gemini fails', async () => {
    reconciliation.gemini.answer = async () => {
      await reconciliation.registry.updateJob(ID, (now) =>
        withProgress(now, 'failed', new Date()),
      );
      throw new GeminiError('Gemini answered 404', 'refused', { status: 404 });
    };
    expect(await watched(job({ createdAt: ago(600_000) }))).not.toHaveProperty('error');
    expect(await reconciliation.registry.findDue('look', Infinity, 1)).toEqual([]);
  });

  it('whose event has no outcome in time does not hold up the others', async () => {
    reconciliation = new JobReconciliation({ ackBudgetMs: 30 });
    reconciliation.gemini.answer = ({ path }) =>
      Promise.resolve(
        operation(path === 'batches/1' ? 'BATCH_STATE_SUCCEEDED' : 'BATCH_STATE_RUNNING'),
      );
    const open = reconciliation.publisher.hold();
    await reconciliation.registry.add(job({ id: 'job-2', geminiName: 'batches/2' }));
    const given = await watched(job());
    expect(given).toMatchObject({ state: 'submitted' });
    expect(given.dueAt).toBeGreaterThan(Date.now());
    expect(await reconciliation.registry.find('job-2')).toMatchObject({
      state: 'running',
    });
    open();
    await new Promise(setImmediate);
    await reconciliation.registry.updateJob(ID, (now) => ({ ...now, dueAt: 0 }));
    await reconciliation.watch();
    expect(reconciliation.topics).toEqual(['gemini.batch.succeeded']);
    expect(await reconciliation.registry.find(ID)).toMatchObject({ state: 'succeeded' });
  });

  it('says no more of a fault than people can read', async () => {
    const message = 'x'.repeat(100_000);
    reconciliation.answers({
      ...operation('BATCH_STATE_FAILED'),
      error: { code: 3, message },
    });
    const left = await watched(job());
    expect(left.error).toEqual({ code: '3', message: 'x'.repeat(500) });
    expect(reconciliation.publisher.records[0]!.value.length).toBeLessThan(1000);
  });

  it('of a kind that another build has is looked at later', async () => {
    const left = await watched(job({ kind: 'song' }));
    expect(left.dueAt).toBeGreaterThan(Date.now());
  });
});
