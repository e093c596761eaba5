import { Logger } from '@nestjs/common';
import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Config } from '../../src/config.js';
import type { BatchOrder, GeminiClient } from '../../src/gemini/gemini.client.js';
import { GeminiError } from '../../src/gemini/gemini.error.js';
import { JobService } from '../../src/jobs/job.service.js';
import type { KnownJob } from '../../src/registry/job-registry.js';
import { MemoryJobRegistry } from '../../src/registry/memory.job-registry.js';
import type { CapabilityKeyring } from '../../src/signature/capability-keyring.js';
import { parseCapabilityKeys, verifyCapability } from '../../src/signature/capability.js';

const KEYS = parseCapabilityKeys(`k1:${Buffer.alloc(32, 'a').toString('base64url')}`);
const REQUEST = {
  model: 'gemini-flash',
  requests: [{ key: 'a', request: { contents: [{}] } }],
  metadata: { tenant: 'blue', correlation_id: 'not the one' },
};

/** Takes every batch, or does what the test says. */
class FakeGemini {
  configured = true;
  readonly orders: BatchOrder[] = [];
  answer: (order: BatchOrder) => Promise<string> = () => Promise.resolve('batches/77');

  submitBatch(order: BatchOrder): Promise<string> {
    this.orders.push(order);
    return this.answer(order);
  }
}

let gemini: FakeGemini;
let registry: MemoryJobRegistry;
let service: JobService;

beforeAll(() => Logger.overrideLogger(false));

beforeEach(() => {
  gemini = new FakeGemini();
  registry = new MemoryJobRegistry();
  service = new JobService(
    gemini as unknown as GeminiClient,
    registry,
    { value: KEYS } as CapabilityKeyring,
    { publicUrl: 'https://bridge.example' } as Config,
  );
});

const idOf = ({ webhookUrl }: BatchOrder): Promise<string> =>
  verifyCapability(webhookUrl.slice(webhookUrl.lastIndexOf('/') + 1), KEYS).then(
    ({ jobId }) => jobId,
  );

describe('JobService', () => {
  it('submits once, with a path of the job’s own and the correlation', async () => {
    const job = await service.submitBatch({ ...REQUEST, correlationId: 'order-42' });
    expect(job).toMatchObject({
      kind: 'batch',
      state: 'submitted',
      correlationId: 'order-42',
      geminiName: 'batches/77',
      metadata: REQUEST.metadata,
    });
    expect(gemini.orders).toHaveLength(1);
    const [order] = gemini.orders;
    expect(order).toMatchObject({
      model: 'gemini-flash',
      displayName: job.id,
      requests: REQUEST.requests,
      userMetadata: { tenant: 'blue', correlation_id: 'order-42' },
    });
    expect(order?.webhookUrl).toMatch(
      /^https:\/\/bridge\.example\/webhooks\/gemini\/jobs\//,
    );
    const token = order!.webhookUrl.split('/').at(-1)!;
    expect(await verifyCapability(token, KEYS)).toEqual({
      jobId: job.id,
      correlationId: 'order-42',
    });
    expect(await service.find(job.id)).toEqual(job);
  });

  it('correlates a job whose submitter does not, each by its own id', async () => {
    const [one, two] = [
      await service.submitBatch(REQUEST),
      await service.submitBatch(REQUEST),
    ];
    expect(one?.correlationId).toMatch(/^[0-9a-f-]{36}$/);
    expect(new Set([one?.correlationId, two?.correlationId, one?.id, two?.id]).size).toBe(
      4,
    );
  });

  it('knows the job before Gemini does, for its webhook may be faster than the answer', async () => {
    gemini.answer = async (order) => {
      const id = await idOf(order);
      expect(await registry.find(id)).toMatchObject({ state: 'submitting' });
      const event = { type: 'batch.failed', subject: 'batches/77', time: undefined };
      await registry.noteEvent(id, event, 'msg_1');
      return 'batches/77';
    };
    expect(await service.submitBatch(REQUEST)).toMatchObject({
      state: 'failed',
      geminiName: 'batches/77',
      lastEvent: { type: 'batch.failed', webhookId: 'msg_1' },
    });
  });

  it('says 502 when Gemini refused, and the job has failed', async () => {
    gemini.answer = () =>
      Promise.reject(new GeminiError('Gemini answered 429', 'refused', 429));
    const submission = service.submitBatch(REQUEST);
    await expect(submission).rejects.toMatchObject({
      status: 502,
      code: 'gemini-refused',
      extensions: { geminiStatus: 429 },
    });
    const id = await idOf(gemini.orders[0]!);
    expect(await service.find(id)).toMatchObject({
      state: 'failed',
      error: 'Gemini answered 429',
    });
  });

  it('says 504 when nobody knows, does not try again, and names the job', async () => {
    gemini.answer = () =>
      Promise.reject(new GeminiError('Gemini did not answer', 'unknown', undefined));
    const submission = service.submitBatch(REQUEST);
    await expect(submission).rejects.toMatchObject({
      status: 504,
      code: 'gemini-outcome-unknown',
    });
    expect(gemini.orders).toHaveLength(1);
    const id = await idOf(gemini.orders[0]!);
    await expect(submission).rejects.toMatchObject({ extensions: { id } });
    expect(await service.find(id)).toMatchObject({ state: 'unknown' });
  });

  it('lets an event that came stand against an answer that did not', async () => {
    gemini.answer = async (order) => {
      const event = { type: 'batch.succeeded', subject: 'batches/77', time: undefined };
      await registry.noteEvent(await idOf(order), event, 'msg_1');
      throw new GeminiError('Gemini did not answer', 'unknown', undefined);
    };
    await expect(service.submitBatch(REQUEST)).rejects.toMatchObject({ status: 504 });
    const id = await idOf(gemini.orders[0]!);
    expect(await service.find(id)).toMatchObject({ state: 'succeeded' });
  });

  it('hands on what is no failure of Gemini’s', async () => {
    const error = new Error('bug');
    gemini.answer = () => Promise.reject(error);
    await expect(service.submitBatch(REQUEST)).rejects.toBe(error);
  });

  it('says 503 without a key, and remembers nothing', async () => {
    gemini.configured = false;
    const put: KnownJob[] = [];
    registry.put = (job) => Promise.resolve(void put.push(job));
    await expect(service.submitBatch(REQUEST)).rejects.toMatchObject({
      status: 503,
      code: 'gemini-not-configured',
    });
    expect(put).toEqual([]);
  });

  it('says 404 for a job that it does not know', async () => {
    await expect(service.find('nobody')).rejects.toMatchObject({
      status: 404,
      code: 'job-not-found',
    });
  });
});
