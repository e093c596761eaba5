import { beforeEach, describe, expect, it } from '@jest/globals';
import { parseSubmission } from '../../../../src/jobs/api/job-order.js';
import type { Job } from '../../../../src/jobs/job.js';
import { batchKind } from '../../../../src/jobs/kinds/batch.kind.js';
import { embeddingBatchKind } from '../../../../src/jobs/kinds/embedding-batch.kind.js';
import { MemoryJobRegistry } from '../../../../src/jobs/registry/memory.job-registry.js';
import {
  Idempotency,
  submissionOf,
} from '../../../../src/jobs/submission/idempotency.js';
import { knownJob } from '../../../support/jobs.js';

const BODY = { model: 'm', file: 'files/1', metadata: { tenant: 'blue' } };
const ORDER = parseSubmission(batchKind, BODY);
const BY = { caller: 'orders', idempotencyKey: 'k' };

const stored = (more: Partial<Job> = {}): Job =>
  knownJob({ submission: submissionOf(ORDER, BY)!, ...more });

const FAILED = {
  state: 'failed',
  error: { code: 'gemini-429', message: 'x', retryable: true },
} as const;

let registry: MemoryJobRegistry;
let idempotency: Idempotency;

beforeEach(() => {
  registry = new MemoryJobRegistry();
  idempotency = new Idempotency(registry);
});

describe('submissionOf', () => {
  it('is the one that earlier versions have stored', () => {
    expect(submissionOf(ORDER, BY)).toEqual({
      key: 'I3404BoXoJSfPUFoz3QQppArp_dfE3JCwOHgIRExHto',
      body: 'NEOBN2EMJk4IgiRo7MqMfDCmynO8-4CMR3sZgIhnlaU',
    });
  });

  it('does not depend on the name of an uploaded file, but on its content', () => {
    const other = parseSubmission(batchKind, { ...BODY, file: 'files/2' });
    const hashOf = (order: typeof ORDER, content: string) =>
      submissionOf(order, { ...BY, content })?.body;
    expect(hashOf(ORDER, 'a')).toBe(hashOf(other, 'a'));
    expect(hashOf(ORDER, 'a')).not.toBe(hashOf(ORDER, 'b'));
  });

  it('is absent without an idempotency key', () => {
    expect(submissionOf(ORDER, { ...BY, idempotencyKey: undefined })).toBeUndefined();
  });
});

describe('findEarlier', () => {
  it('finds the job of the key for its caller only', async () => {
    await registry.add(stored());
    expect(await idempotency.findEarlier(BY)).toMatchObject({ id: 'job-1' });
    expect(await idempotency.findEarlier({ ...BY, caller: 'other' })).toBeUndefined();
    const keyless = { ...BY, idempotencyKey: undefined };
    expect(await idempotency.findEarlier(keyless)).toBeUndefined();
  });

  it('does not find a job that can be tried again', async () => {
    await registry.add(stored(FAILED));
    expect(await idempotency.findEarlier(BY)).toBeUndefined();
  });
});

describe('replay', () => {
  it('answers with the earlier job', () => {
    const job = stored();
    expect(idempotency.replay(ORDER, BY, job)).toEqual({ job, isRepeat: true });
  });

  it.each([
    ['another body', parseSubmission(batchKind, { ...BODY, model: 'other' })],
    ['another kind', parseSubmission(embeddingBatchKind, BODY)],
  ])('throws 422 for %s', (_, order) => {
    expect(() => idempotency.replay(order, BY, stored())).toThrow(
      expect.objectContaining({ status: 422, code: 'idempotency-key-reused' }),
    );
  });

  it('throws 409 while the earlier submission is in progress', () => {
    const job = stored({ state: 'submitting' });
    expect(() => idempotency.replay(ORDER, BY, job)).toThrow(
      expect.objectContaining({ status: 409, code: 'submission-in-flight' }),
    );
  });
});

describe('claimRetry', () => {
  it('begins another attempt with the trace of the retry', async () => {
    const job = await registry.add(stored({ ...FAILED, traceparent: '00-a-b-01' }));
    const retried = await idempotency.claimRetry(job, {
      ...BY,
      traceparent: '00-c-d-01',
    });
    expect(retried).toMatchObject({
      state: 'submitting',
      attempts: 2,
      traceparent: '00-c-d-01',
    });
    expect(retried?.dueAt).toBeGreaterThan(Date.now() + 30_000);
    expect(await registry.find('job-1')).toEqual(retried);
  });

  it('is one of two calls only', async () => {
    const job = await registry.add(stored(FAILED));
    const claims = await Promise.all([
      idempotency.claimRetry(job, BY),
      idempotency.claimRetry(job, BY),
    ]);
    expect(claims.filter((claim) => claim !== undefined)).toHaveLength(1);
  });

  it.each<Partial<Job>>([
    {},
    { state: 'failed', error: { code: '3', message: 'x' } },
    { state: 'failed' },
  ])('is none of a job %j that Gemini may have accepted', async (more) => {
    const job = await registry.add(stored(more));
    expect(await idempotency.claimRetry(job, BY)).toBeUndefined();
  });
});
