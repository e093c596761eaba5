import { Logger } from '@nestjs/common';
import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Config } from '../../src/config.js';
import { MemoryDedupeStore } from '../../src/dedupe/memory.dedupe-store.js';
import { GeminiError } from '../../src/gemini/gemini.error.js';
import { JobCaretaker } from '../../src/jobs/job.caretaker.js';
import { Metrics } from '../../src/metrics/metrics.js';
import { Attempts } from '../../src/publication/attempts.js';
import type { EventRecord } from '../../src/publisher/event-publisher.js';
import { advanced, ended, type Job } from '../../src/registry/job.js';
import { MemoryJobRegistry } from '../../src/registry/memory.job-registry.js';
import { FakeGemini } from '../support/fake-gemini.js';
import { knownJob } from '../support/jobs.js';
import { RecordingPublisher } from '../support/recording.publisher.js';

const ID = '01998f6e-0000-7000-8000-000000000001';
const NOW = Date.now();
const SETTLE_MS = 120_000;
const DAY_MS = 24 * 3_600_000;
const GIVE_UP_MS = 26 * 3_600_000;

const ago = (ms: number) => new Date(NOW - ms).toISOString();

let gemini: FakeGemini;
let registry: MemoryJobRegistry;
let store: MemoryDedupeStore;
let publisher: RecordingPublisher;
let caretaker: JobCaretaker;

beforeAll(() => Logger.overrideLogger(false));

beforeEach(() => {
  gemini = new FakeGemini();
  registry = new MemoryJobRegistry();
  store = new MemoryDedupeStore(DAY_MS, 100);
  publisher = new RecordingPublisher();
  caretaker = caretakerWith(60);
});

function caretakerWith(callsPerMinute: number): JobCaretaker {
  const metrics = new Metrics();
  const config = {
    topics: { prefix: 'gemini' },
    ackBudgetMs: 4000,
    jobs: {
      callsPerMinute,
      lookAfterMs: 300_000,
      settleMs: SETTLE_MS,
      giveUpMs: GIVE_UP_MS,
    },
  } as Config;
  const attempts = new Attempts(store, metrics, config);
  return new JobCaretaker(gemini, registry, attempts, publisher, metrics, config);
}

/** Has the job looked after, and says what stands in the registry then. */
async function attended(job: Job): Promise<Job> {
  await registry.add(job);
  await caretaker.attend([job]);
  return (await registry.find(job.id)) as Job;
}

const job = (more: Partial<Job> = {}): Job =>
  knownJob({ id: ID, createdAt: ago(1000), dueAt: NOW, ...more });

const unnamed = (more: Partial<Job> = {}): Job => {
  const { geminiName: _, ...rest } = job({
    state: 'unknown',
    updatedAt: ago(0),
    ...more,
  });
  return rest;
};

const operation = (state: string, more = {}) => ({
  name: 'batches/1',
  metadata: { state, updateTime: '2026-05-01T00:00:00Z', ...more },
});
const answers = (answer: unknown) => (gemini.answer = () => Promise.resolve(answer));
const topics = () => publisher.records.map(({ topic }) => topic);
const told = ({ headers, value }: EventRecord) => ({
  headers,
  value: JSON.parse(value.toString()) as object,
});

describe('telling Kafka of a job’s life', () => {
  it('is done once for each milestone, and then forgotten', async () => {
    answers(operation('BATCH_STATE_RUNNING'));
    const given = job({ untold: ['unknown', 'submitted'], metadata: { tenant: 'blue' } });
    expect(await attended(given)).not.toHaveProperty('untold');
    expect(topics()).toEqual(['gemini-bridge.jobs', 'gemini-bridge.jobs']);
    expect(told(publisher.records[1]!)).toMatchObject({
      headers: {
        ce_type: 'gemini.job.submitted',
        ce_source: 'urn:gemini-kafka-bridge:jobs',
        ce_subject: ID,
        'bridge-scope': 'bridge',
        'bridge-job-id': ID,
        'correlation-id': 'correlation-1',
        'bridge-job-metadata': '{"tenant":"blue"}',
      },
      value: { type: 'gemini.job.submitted', data: { id: ID, geminiName: 'batches/1' } },
    });
    await caretaker.attend([given]);
    expect(topics()).toHaveLength(2);
  });

  it('is all that a job wants which is over', async () => {
    const over = ended(job({ state: 'succeeded' }), new Date());
    const left = await attended(over);
    expect(topics()).toEqual(['gemini-bridge.jobs']);
    expect(left.dueAt).toBeUndefined();
    expect(gemini.asked).toEqual([]);
  });

  it('stays to be done while Kafka does not take it', async () => {
    publisher.fail('unavailable');
    const over = ended(job({ state: 'succeeded' }), new Date());
    expect(await attended(over)).toMatchObject({ untold: ['ended'], dueAt: over.dueAt });
    await caretaker.attend([over]);
    expect(topics()).toEqual(['gemini-bridge.jobs']);
  });
});

describe('a submission that was not answered', () => {
  it('is unknown when whoever submitted it is gone', async () => {
    const left = await attended(unnamed({ state: 'submitting' }));
    expect(left).toMatchObject({ state: 'unknown', untold: ['unknown'] });
  });

  it('is found by our id in the display name', async () => {
    answers({
      operations: [
        { name: 'batches/8', metadata: { displayName: 'x', createTime: ago(0) } },
        { name: 'batches/9', metadata: { displayName: `n [${ID}]`, createTime: ago(0) } },
      ],
    });
    const left = await attended(unnamed());
    expect(left).toMatchObject({ state: 'submitted', geminiName: 'batches/9' });
    expect(left.untold).toEqual(['submitted']);
    expect(gemini.asked[0]).toMatchObject({ method: 'GET', path: 'batches' });
  });

  it('is looked for back to when it was made, and no further', async () => {
    gemini.answer = ({ query = {} }) => {
      const page = Number(query['pageToken'] ?? 0);
      const createTime = ago(page * 4 * 60_000);
      const operations = [{ name: `batches/${page}`, metadata: { createTime } }];
      return Promise.resolve({ operations, nextPageToken: String(page + 1) });
    };
    await attended(unnamed());
    expect(gemini.asked).toHaveLength(3);
  });

  it('is looked for again until it must have shown up', async () => {
    answers({ operations: [] });
    const soon = await attended(unnamed({ updatedAt: ago(SETTLE_MS - 5000) }));
    expect(soon.state).toBe('unknown');
    expect(soon.dueAt).toBeGreaterThan(NOW);
  });

  it('was not taken when it is not there, and may be tried again', async () => {
    answers({ operations: [] });
    const left = await attended(unnamed({ updatedAt: ago(SETTLE_MS + 1000) }));
    expect(left).toMatchObject({
      state: 'failed',
      error: { code: 'not-taken', retryable: true },
    });
    expect(left.dueAt).toBeUndefined();
  });

  it('stays unknown while Gemini does not answer', async () => {
    gemini.answer = () => Promise.reject(new GeminiError('no', 'unknown'));
    const given = unnamed({ updatedAt: ago(SETTLE_MS + 1000) });
    expect(await attended(given)).toEqual({ ...given, dueAt: expect.any(Number) });
  });

  it('is not taken for lost while a list does not say whose its jobs are', async () => {
    const name = 'models/veo/operations/1';
    const video = unnamed({ kind: 'video', model: 'veo', updatedAt: ago(SETTLE_MS * 2) });
    answers({ operations: [{ name }] });
    expect(await attended(video)).toMatchObject({ state: 'unknown' });
    const webhookConfig = { userMetadata: { bridge_job_id: 'told' } };
    answers({ operations: [{ name, metadata: { webhookConfig } }] });
    const found = await attended({ ...video, id: 'told' });
    expect(found).toMatchObject({ state: 'submitted', geminiName: name });
    const missing = await attended({ ...video, id: 'missing' });
    expect(missing).toMatchObject({ state: 'failed', error: { code: 'not-taken' } });
  });

  it('of a kind that Gemini does not list waits for its webhook, and then no longer', async () => {
    const waiting = await attended(unnamed({ kind: 'interaction' }));
    expect(waiting).toMatchObject({ state: 'unknown' });
    expect(waiting.dueAt).toBe(Date.parse(waiting.createdAt) + GIVE_UP_MS);
    const old = { ...waiting, id: 'old', createdAt: ago(GIVE_UP_MS + 1) };
    const left = await attended(old);
    expect(left).toMatchObject({ state: 'unknown', untold: ['ended'] });
    expect(left.endedAt).toBeDefined();
    expect(gemini.asked).toEqual([]);
  });
});

describe('a job that nobody has heard of', () => {
  it('is asked about, and its progress noted', async () => {
    const batchStats = { requestCount: '10', successfulRequestCount: '4' };
    answers(operation('BATCH_STATE_RUNNING', { batchStats }));
    const left = await attended(job());
    expect(left).toMatchObject({
      state: 'running',
      progress: { total: 10, succeeded: 4 },
    });
    expect(left.dueAt).toBeGreaterThan(NOW);
    expect(gemini.asked[0]).toMatchObject({ path: 'batches/1' });
    expect(gemini.asked[0]?.query?.['fields']).toContain('metadata.state');
    expect(topics()).toEqual([]);
  });

  it('has the missing event published, marked as reconciled', async () => {
    const output = { responsesFile: 'files/batch-1' };
    answers(operation('BATCH_STATE_SUCCEEDED', { output }));
    const left = await attended(job({ metadata: { tenant: 'blue' } }));
    expect(left).toMatchObject({
      state: 'succeeded',
      outputFile: 'files/batch-1',
      untold: ['ended'],
    });
    const [record] = publisher.records;
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
        'bridge-reconciled': 'true',
        'bridge-outcome': `${ID}:batch.succeeded:1`,
        'bridge-scope': `jobs/${ID}`,
        'correlation-id': 'correlation-1',
        'bridge-job-metadata': '{"tenant":"blue"}',
      }) as object,
    });
  });

  it('whose webhook came after all is only noted', async () => {
    store.confirm(`outcome:${ID}:batch.failed:1`);
    answers(operation('BATCH_STATE_FAILED'));
    expect(await attended(job())).toMatchObject({ state: 'failed', untold: ['ended'] });
    expect(topics()).toEqual([]);
  });

  it('is not over while the missing event is not on Kafka', async () => {
    answers(operation('BATCH_STATE_SUCCEEDED'));
    publisher.fail('unavailable');
    const given = job();
    expect(await attended(given)).toEqual({ ...given, dueAt: expect.any(Number) });
  });

  it('that is a failed video has no event, and is over', async () => {
    answers({
      name: 'models/m/operations/o',
      done: true,
      error: { code: 3, message: 'no' },
    });
    const given = job({ kind: 'video', geminiName: 'models/m/operations/o' });
    expect(await attended(given)).toMatchObject({
      state: 'failed',
      error: { code: '3', message: 'no' },
      untold: ['ended'],
    });
    expect(topics()).toEqual([]);
  });

  it('that Gemini does not know any more has failed, unless it is very young', async () => {
    gemini.answer = () =>
      Promise.reject(new GeminiError('Gemini answered 404', 'refused', { status: 404 }));
    expect(await attended(job({ createdAt: ago(60_000) }))).toMatchObject({
      state: 'submitted',
    });
    expect(
      await attended(
        job({ id: 'old', geminiName: 'batches/2', createdAt: ago(600_000) }),
      ),
    ).toMatchObject({ state: 'failed', error: { code: 'gone' } });
  });

  it('waits while Gemini has enough of questions', async () => {
    gemini.answer = () =>
      Promise.reject(
        new GeminiError('Gemini answered 429', 'refused', {
          status: 429,
          retryAfterSeconds: 60,
        }),
      );
    await attended(job());
    await attended(job({ id: 'other', geminiName: 'batches/2' }));
    expect(gemini.asked).toHaveLength(1);
  });

  it('waits when the calls of the minute are used up', async () => {
    answers(operation('BATCH_STATE_RUNNING'));
    caretaker = caretakerWith(2);
    const jobs = [1, 2, 3].map((n) =>
      job({ id: `job-${n}`, geminiName: `batches/${n}` }),
    );
    for (const one of jobs) await registry.add(one);
    await caretaker.attend(jobs);
    expect(gemini.asked).toHaveLength(1);
    expect(await registry.find('job-2')).toEqual(jobs[1]);
  });

  it('that cannot be looked at does not hold up those behind it', async () => {
    gemini.answer = ({ path }) =>
      path === 'batches/1'
        ? Promise.reject(
            new GeminiError('Gemini answered 500', 'unknown', { status: 500 }),
          )
        : Promise.resolve(operation('BATCH_STATE_RUNNING'));
    const jobs = [1, 2].map((n) => job({ id: `job-${n}`, geminiName: `batches/${n}` }));
    for (const one of jobs) await registry.add(one);
    await caretaker.attend(jobs);
    expect(await registry.find('job-2')).toMatchObject({ state: 'running' });
    expect((await registry.find('job-1'))?.dueAt).toBeGreaterThan(Date.now() + 60_000);
    expect(await registry.due(Date.now(), 10)).toEqual([]);
  });

  it('is left alone when it has ended meanwhile', async () => {
    answers(operation('BATCH_STATE_RUNNING'));
    const given = job();
    await registry.add(advanced(given, 'failed', new Date()));
    await caretaker.attend([given]);
    expect(await registry.find(ID)).toMatchObject({ state: 'failed' });
  });
});
