import { Logger } from '@nestjs/common';
import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { JobsConfig } from '../../../../src/config/config.js';
import { GeminiError } from '../../../../src/gemini/gemini.error.js';
import type { GeminiRequest } from '../../../../src/gemini/gemini-request.js';
import { parseSubmission } from '../../../../src/jobs/api/job-order.js';
import { Idempotency } from '../../../../src/jobs/submission/idempotency.js';
import { JobSubmitter } from '../../../../src/jobs/submission/job.submitter.js';
import { Submission } from '../../../../src/jobs/submission/submission.js';
import { WebhookUrl } from '../../../../src/jobs/submission/webhook-url.js';
import { JOB_KINDS } from '../../../../src/jobs/job-kinds.js';
import { withJobEvent } from '../../../../src/jobs/delivered-event.js';
import { RedisUnavailableError } from '../../../../src/infrastructure/redis/redis-scripts.js';
import { metadataHash } from '../../../../src/jobs/correlation.js';
import type { Job } from '../../../../src/jobs/job.js';
import { MemoryJobRegistry } from '../../../../src/jobs/registry/memory.job-registry.js';
import type { CapabilityKeyring } from '../../../../src/signature/capability-keyring.js';
import { parseKeyring } from '../../../../src/infrastructure/files/keyring.js';
import { IdsOnly } from '../../../../src/infrastructure/tracing/tracing.js';
import { verifyCapability } from '../../../../src/signature/capability.js';
import { FakeGemini } from '../../../support/fake-gemini.js';

const KEYS = parseKeyring(`k1:${Buffer.alloc(32, 'a').toString('base64url')}`);
const REQUESTS = [{ key: 'a', request: { contents: [{}] } }];
const BATCH = {
  model: 'models/gemini-flash',
  displayName: 'nightly',
  requests: REQUESTS,
  metadata: { tenant: 'blue' },
};
const ANY_ID = '[0-9a-f]{8}-[0-9a-f-]{27}';

let gemini: FakeGemini;
let registry: MemoryJobRegistry;
let submitter: JobSubmitter;

beforeAll(() => Logger.overrideLogger(false));

beforeEach(() => {
  gemini = new FakeGemini();
  registry = new MemoryJobRegistry();
  const keyring = { value: KEYS } as CapabilityKeyring;
  const webhookUrl = new WebhookUrl(keyring, 'https://bridge.example');
  const config = { lookAfterMs: 300_000 } as JobsConfig;
  const tracing = new IdsOnly();
  const submission = new Submission(gemini, registry, webhookUrl, tracing, config);
  submitter = new JobSubmitter(gemini, registry, new Idempotency(registry), submission);
});

const submit = (
  body: object = BATCH,
  { key, caller = 'orders', kind = 'batch' }: Partial<Record<string, string>> = {},
) =>
  submitter.submit(
    parseSubmission(
      JOB_KINDS.find(({ name }) => name === kind)!,
      body,
    ),
    {
      caller,
      idempotencyKey: key,
    },
  );

interface WireBatch {
  batch: { webhookConfig: { uris: string[]; userMetadata: Record<string, string> } };
}
const configIn = ({ body }: GeminiRequest) => (body as WireBatch).batch.webhookConfig;
const idIn = (request: GeminiRequest) => configIn(request).userMetadata['bridge_job_id']!;
const onlyJob = async () => (await registry.list({ limit: 2 })).jobs[0] as Job;

const fails = (outcome: 'refused' | 'unknown', status?: number, more = {}) => {
  gemini.answer = () =>
    Promise.reject(
      new GeminiError(`Gemini answered ${status}`, outcome, { status, ...more }),
    );
};

/** An event of the job comes while its submission waits for the answer. */
async function eventComes(request: GeminiRequest, type: string): Promise<void> {
  const event = { type, subject: 'batches/77', jobName: 'batches/77', time: undefined };
  await registry.updateJob(idIn(request), (job) =>
    withJobEvent(job, event, 'msg_1', new Date()),
  );
}

describe('JobSubmitter', () => {
  it('submits once, with a path of the job’s own and the correlation', async () => {
    const { job, isRepeat } = await submit({ ...BATCH, correlationId: 'order-42' });
    expect(isRepeat).toBe(false);
    expect(job).toMatchObject({
      kind: 'batch',
      state: 'submitted',
      correlationId: 'order-42',
      geminiName: 'batches/77',
      metadata: { tenant: 'blue' },
      attempts: 1,
      untold: ['submitted'],
    });
    expect(gemini.asked).toHaveLength(1);
    const [request] = gemini.asked;
    expect(request).toMatchObject({
      method: 'POST',
      path: 'models/gemini-flash:batchGenerateContent',
      body: {
        batch: {
          displayName: `nightly [${job.id}]`,
          inputConfig: {
            requests: {
              requests: [{ request: REQUESTS[0]!.request, metadata: { key: 'a' } }],
            },
          },
        },
      },
    });
    const { uris, userMetadata } = configIn(request!);
    expect(userMetadata).toEqual({
      tenant: 'blue',
      correlation_id: 'order-42',
      bridge_job_id: job.id,
    });
    const [, token = ''] =
      /^https:\/\/bridge\.example\/webhooks\/gemini\/jobs\/(.*)$/.exec(uris[0]!) ?? [];
    expect(await verifyCapability(token, KEYS)).toEqual({
      jobId: job.id,
      correlationId: 'order-42',
      metadataHash: metadataHash(userMetadata),
    });
    expect(await registry.find(job.id)).toEqual(job);
  });

  it('correlates a job whose submitter does not, each by its own id', async () => {
    const [one, two] = [(await submit()).job, (await submit()).job];
    expect(one.correlationId).toMatch(new RegExp(`^${ANY_ID}$`));
    expect(new Set([one.correlationId, two.correlationId, one.id, two.id]).size).toBe(4);
  });

  it.each([
    [
      'embedding-batch',
      { model: 'm', file: 'files/a' },
      'models/m:asyncBatchEmbedContent',
      'static',
    ],
    ['interaction', { interaction: { agent: 'a', input: 'x' } }, 'interactions', 'job'],
    [
      'video',
      { model: 'm', instances: [{ prompt: 'x' }] },
      'models/m:predictLongRunning',
      'job',
    ],
  ])('submits a job of kind %s', async (kind, body, path, announcedBy) => {
    const names = {
      'embedding-batch': 'batches/1',
      interaction: 'interactions/v1_abc',
      video: 'models/m/operations/o1',
    } as Record<string, string>;
    gemini.answer = () => Promise.resolve({ name: names[kind], id: 'v1_abc' });
    const { job } = await submit(body, { kind });
    expect(job).toMatchObject({ kind, announcedBy, geminiName: names[kind] });
    expect(gemini.asked[0]?.path).toBe(path);
    const text = JSON.stringify(gemini.asked[0]?.body);
    expect(text.includes('https://bridge.example/')).toBe(announcedBy === 'job');
    expect(text).toContain(job.id);
  });

  it('knows the job before Gemini does, for its webhook may be faster than the answer', async () => {
    gemini.answer = async (request) => {
      expect(await registry.find(idIn(request))).toMatchObject({ state: 'submitting' });
      await eventComes(request, 'batch.failed');
      return { name: 'batches/77' };
    };
    expect((await submit()).job).toMatchObject({
      state: 'failed',
      geminiName: 'batches/77',
      lastEvent: { type: 'batch.failed', webhookId: 'msg_1' },
    });
  });

  it('is not sent by a process that was held up since it noted the job', async () => {
    const add = registry.add.bind(registry);
    registry.add = (job) => add({ ...job, dueAt: Date.now() + 1000 });
    await expect(submit()).rejects.toMatchObject({ status: 503 });
    expect(gemini.asked).toEqual([]);
    expect(await onlyJob()).toMatchObject({
      state: 'failed',
      error: { code: 'not-sent', retryable: true },
    });
  });

  it.each(['add', 'updateJob'] as const)(
    'is noted although the registry does not answer at once (%s)',
    async (method) => {
      const work = registry[method].bind(registry) as (...args: unknown[]) => never;
      // A call without an answer may have taken effect
      registry[method] = (...given: unknown[]) => {
        registry[method] = work;
        work(...given);
        return Promise.reject(new RedisUnavailableError('silence')) as never;
      };
      const { job } = await submit();
      expect(gemini.asked).toHaveLength(1);
      expect(job).toMatchObject({ state: 'submitted', geminiName: 'batches/77' });
      expect(await onlyJob()).toEqual(job);
    },
  );

  it('is not tried again when its failure was its own', async () => {
    fails('refused', 429);
    await expect(submit(BATCH, { key: 'k' })).rejects.toMatchObject({ status: 429 });
    // It was taken all the same, and its event says that it failed
    await eventComes(gemini.asked[0]!, 'batch.failed');
    const again = await submit(BATCH, { key: 'k' });
    expect(again).toMatchObject({ isRepeat: true, job: { state: 'failed' } });
    expect(gemini.asked).toHaveLength(1);
  });

  it('is not changed by an answer to an earlier try', async () => {
    gemini.answer = async () => {
      const { id } = await onlyJob();
      await registry.updateJob(id, (job) => ({ ...job, attempts: 2 }));
      throw new GeminiError('Gemini answered 400', 'refused', { status: 400 });
    };
    await expect(submit()).rejects.toMatchObject({ status: 422 });
    expect(await onlyJob()).toMatchObject({ state: 'submitting', attempts: 2 });
  });

  it('lets an event that came stand against an answer that did not', async () => {
    gemini.answer = async (request) => {
      await eventComes(request, 'batch.succeeded');
      throw new GeminiError('Gemini did not answer', 'unknown');
    };
    await expect(submit()).rejects.toMatchObject({ status: 504 });
    expect(await onlyJob()).toMatchObject({ state: 'succeeded' });
  });

  it.each([
    ['refused', 400, 422, 'gemini-refused', 'failed'],
    ['refused', 401, 502, 'gemini-refused', 'failed'],
    ['refused', 429, 429, 'gemini-rate-limited', 'failed'],
    ['unknown', 503, 503, 'gemini-outcome-unknown', 'unknown'],
    ['unknown', 500, 504, 'gemini-outcome-unknown', 'unknown'],
    ['unknown', undefined, 504, 'gemini-outcome-unknown', 'unknown'],
  ] as const)(
    'to a job %s with %s says %i %s, and it is %s',
    async (outcome, geminiStatus, status, code, state) => {
      fails(outcome, geminiStatus, { reason: 'because', retryAfterSeconds: 7 });
      const submission = submit();
      await expect(submission).rejects.toMatchObject({ status, code });
      expect(gemini.asked).toHaveLength(1);
      const job = await onlyJob();
      expect(job.state).toBe(state);
      await expect(submission).rejects.toMatchObject({
        extensions: {
          id: job.id,
          geminiMessage: 'because',
          ...(geminiStatus ? { geminiStatus } : {}),
        },
        headers: status === 429 || status === 503 ? { 'Retry-After': '7' } : {},
      });
    },
  );

  it('takes an answer without a name for one that says nothing', async () => {
    gemini.answer = () => Promise.resolve({ name: 'something/else' });
    await expect(submit()).rejects.toMatchObject({ code: 'gemini-outcome-unknown' });
    expect(await onlyJob()).toMatchObject({ state: 'unknown', untold: ['unknown'] });
  });

  it('hands on what is no failure of Gemini’s', async () => {
    const error = new Error('bug');
    gemini.answer = () => Promise.reject(error);
    await expect(submit()).rejects.toBe(error);
  });

  it('says 503 without a key, and remembers nothing', async () => {
    gemini.hasKey = false;
    await expect(submit()).rejects.toMatchObject({ code: 'gemini-not-configured' });
    expect((await registry.list({ limit: 1 })).jobs).toEqual([]);
  });
});

describe('an Idempotency-Key', () => {
  it('stands for one job, however often it is sent', async () => {
    const first = await submit(BATCH, { key: 'k' });
    const again = await submit(BATCH, { key: 'k' });
    expect(again).toEqual({ job: first.job, isRepeat: true });
    expect(gemini.asked).toHaveLength(1);
  });

  it('is its caller’s own', async () => {
    await submit(BATCH, { key: 'k', caller: 'orders' });
    await submit(BATCH, { key: 'k', caller: 'billing' });
    expect(gemini.asked).toHaveLength(2);
  });

  it.each<[object, string]>([
    [{ ...BATCH, metadata: { tenant: 'red' } }, 'batch'],
    [{ ...BATCH, correlationId: 'other' }, 'batch'],
    [{ ...BATCH, requests: [{ request: { contents: [{ n: '1' }] } }] }, 'batch'],
    [{ model: 'gemini-flash', instances: [{ prompt: 'x' }] }, 'video'],
  ])('that was used for something else is refused', async (body, kind) => {
    await submit(BATCH, { key: 'k' });
    await expect(submit(body, { key: 'k', kind })).rejects.toMatchObject({
      status: 422,
      code: 'idempotency-key-reused',
    });
    expect(gemini.asked).toHaveLength(1);
  });

  it('does not care in which order members come', async () => {
    const { model, requests } = BATCH;
    await submit({ model, requests, metadata: { a: 1, b: 2 } }, { key: 'k' });
    await submit({ metadata: { b: 2, a: 1 }, requests, model }, { key: 'k' });
    expect(gemini.asked).toHaveLength(1);
  });

  it('says 409 while its job is being submitted', async () => {
    let answerFirst: ((answer: object) => void) | undefined;
    gemini.answer = () => new Promise((resolve) => (answerFirst = resolve));
    const first = submit(BATCH, { key: 'k' });
    while (gemini.asked.length === 0) await new Promise(setImmediate);
    await expect(submit(BATCH, { key: 'k' })).rejects.toMatchObject({
      status: 409,
      code: 'submission-in-flight',
      headers: { 'Retry-After': '2' },
    });
    answerFirst?.({ name: 'batches/77' });
    expect((await first).job.state).toBe('submitted');
  });

  it('is not sent to Gemini again while its outcome is unknown', async () => {
    fails('unknown');
    await expect(submit(BATCH, { key: 'k' })).rejects.toMatchObject({ status: 504 });
    const again = await submit(BATCH, { key: 'k' });
    expect(again).toMatchObject({ isRepeat: true, job: { state: 'unknown' } });
    expect(gemini.asked).toHaveLength(1);
  });

  it('may be tried again, by one caller, when Gemini certainly took nothing', async () => {
    fails('refused', 429);
    await expect(submit(BATCH, { key: 'k' })).rejects.toMatchObject({ status: 429 });
    gemini.answer = () => Promise.resolve({ name: 'batches/77' });
    const outcomes = await Promise.allSettled([
      submit(BATCH, { key: 'k' }),
      submit(BATCH, { key: 'k' }),
    ]);
    expect(gemini.asked).toHaveLength(2);
    expect(outcomes[0]).toMatchObject({
      value: { isRepeat: false, job: { state: 'submitted', attempts: 2 } },
    });
    expect(idIn(gemini.asked[0]!)).toBe(idIn(gemini.asked[1]!));
    expect(await onlyJob()).not.toHaveProperty('error');
  });
});
