import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import { GoogleKeys } from '../../packages/gemini-emulator/src/deliveries/signing.js';
import { RedisUnavailableError } from '../../src/infrastructure/redis/redis-scripts.js';
import { JobRegistry } from '../../src/jobs/job-registry.js';
import type { Job } from '../../src/jobs/job.js';
import { MemoryJobRegistry } from '../../src/jobs/registry/memory.job-registry.js';
import { StatusPoller } from '../../src/jobs/reconciliation/status-poller.js';
import { startApp, type TestApp } from '../support/app.js';
import { InterruptibleJobRegistry } from '../support/interruptible.job-registry.js';
import { knownJob } from '../support/jobs.js';
import { json, LoopbackServer, text } from '../support/loopback-server.js';
import { ask, eventBody, post, signedV1a, type Answer } from '../support/sender.js';
import { lendDispatcherToSdk } from '../../packages/gemini-emulator/src/sdk-dispatcher.js';
import { temporaryFile } from '../support/temporary-file.js';

const KEYS = GoogleKeys.create();
const REQUESTS = [{ key: 'a', request: { contents: [{ parts: [{ text: 'hello' }] }] } }];
const BATCH = {
  model: 'gemini-flash',
  displayName: 'nightly',
  requests: REQUESTS,
  metadata: { tenant: 'blue' },
  correlationId: 'order-42',
};

let google: LoopbackServer;
let gemini: LoopbackServer;
let app: TestApp;

beforeAll(async () => {
  // The reconciliation loop of the application does not run, so `gemini` gets only the requests of the tests
  jest.spyOn(MemoryJobRegistry.prototype, 'acquireLeadership').mockResolvedValue(false);
  lendDispatcherToSdk();
  google = await LoopbackServer.start(json(KEYS.jwks()));
  gemini = await LoopbackServer.start();
  app = await startApp({
    JWKS_URL: `${google.url}/jwks`,
    GEMINI_URL: gemini.url,
    GEMINI_API_KEY: 'a-key-for-gemini',
  });
});

afterAll(async () => {
  await app[Symbol.asyncDispose]();
  await google[Symbol.asyncDispose]();
  await gemini[Symbol.asyncDispose]();
  jest.restoreAllMocks();
});

beforeEach(() => {
  app.publisher.reset();
  gemini.requests.length = 0;
});

const submit = (batch: unknown = BATCH, at = app, headers: Record<string, string> = {}) =>
  post(`${at.internalUrl}/v1/batches`, { headers, body: JSON.stringify(batch) });

const expectProblem = (answer: Answer, status: number, code: string): void => {
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(answer).toMatchObject({ status, json: { type: 'about:blank', status, code } });
};

/** Accepts a batch, and keeps the body of the request. */
function accepting(asked: { body?: unknown }) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      asked.body = JSON.parse(Buffer.concat(chunks).toString());
      json({ name: 'batches/77', metadata: {} })(request, response);
    });
  };
}

describe('POST /v1/batches', () => {
  it('submits the batch once, and publishes its event with the correlation id', async () => {
    const asked: { body?: { batch: { webhookConfig: { uris: string[] } } } } = {};
    gemini.answer = accepting(asked);
    const answer = await submit();

    expect(answer.status).toBe(202);
    const job = answer.json as Job;
    expect(job).toEqual({
      id: expect.any(String),
      kind: 'batch',
      state: 'submitted',
      correlationId: 'order-42',
      geminiName: 'batches/77',
      announcedBy: 'job',
      createdAt: expect.any(String),
    });
    expect(answer.headers.get('location')).toBe(`/v1/jobs/${job.id}`);
    expect(gemini.requests).toHaveLength(1);
    expect(gemini.requests[0]?.headers['x-goog-api-key']).toBe('a-key-for-gemini');
    expect(gemini.requests[0]?.url).toBe(
      '/v1beta/models/gemini-flash:batchGenerateContent',
    );
    expect(asked.body?.batch).toMatchObject({
      displayName: `nightly [${job.id}]`,
      inputConfig: { requests: { requests: [{ metadata: { key: 'a' } }] } },
      webhookConfig: {
        uris: [
          expect.stringMatching(/^https:\/\/bridge.example\/webhooks\/gemini\/jobs\//),
        ],
        userMetadata: {
          tenant: 'blue',
          correlation_id: 'order-42',
          bridge_job_id: job.id,
        },
      },
    });

    const [uri = ''] = asked.body?.batch.webhookConfig.uris ?? [];
    const body = eventBody('batch.succeeded', { id: 'batches/77' });
    const delivered = await post(
      app.url + new URL(uri).pathname,
      signedV1a(KEYS, { body }),
    );
    expect(delivered.json).toEqual({ status: 'published' });
    expect(app.publisher.records[0]?.headers).toMatchObject({
      'bridge-job-id': job.id,
      'correlation-id': 'order-42',
      'bridge-job-metadata': '{"tenant":"blue"}',
    });
    const found = await ask(`${app.internalUrl}/v1/jobs/${job.id}`);
    expect(found.json).toMatchObject({
      id: job.id,
      state: 'succeeded',
      metadata: { tenant: 'blue' },
      updatedAt: expect.any(String),
      lastEvent: { type: 'batch.succeeded' },
    });
  });

  it('answers 422 with every fault of the body and its position', async () => {
    const answer = await submit({ model: 'a b', requests: [{ request: {} }], extra: 1 });
    expectProblem(answer, 422, 'invalid-body');
    const { errors } = answer.json as { errors: { pointer: string }[] };
    expect(errors.map(({ pointer }) => pointer)).toEqual(
      expect.arrayContaining(['/model', '/requests/0/request/contents']),
    );
    expect(gemini.requests).toEqual([]);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded'])(
    'answers 422 to the content type %s',
    async (type) =>
      expectProblem(
        await submit(BATCH, app, { 'content-type': type }),
        422,
        'invalid-body',
      ),
  );

  it('answers 422 when Gemini refuses, and the job has failed', async () => {
    gemini.answer = text(400, '{"error":{"code":400,"message":"no such model"}}');
    const answer = await submit();
    expectProblem(answer, 422, 'gemini-refused');
    expect(answer.json).toMatchObject({
      geminiStatus: 400,
      geminiMessage: 'no such model',
    });
    expect(app.log.text).not.toContain('no such model');
    const { id } = answer.json as { id: string };
    expect((await ask(`${app.internalUrl}/v1/jobs/${id}`)).json).toMatchObject({
      state: 'failed',
      error: { code: 'gemini-400', message: 'no such model' },
    });
  });

  it.each<[string, (request: IncomingMessage, response: ServerResponse) => void]>([
    ['answers 500', text(500, '{"error":{"code":500}}')],
    ['closes the connection', (request) => request.socket.destroy()],
    ['answers without a name', json({})],
  ])(
    'answers 504 when Gemini %s, does not repeat the request, and the job is unknown',
    async (_, behaviour) => {
      gemini.answer = behaviour;
      const answer = await submit();
      expectProblem(answer, 504, 'gemini-outcome-unknown');
      expect(gemini.requests).toHaveLength(1);
      const { id } = answer.json as { id: string };
      expect((await ask(`${app.internalUrl}/v1/jobs/${id}`)).json).toMatchObject({
        state: 'unknown',
      });
    },
  );

  it('answers 503 without a key for Gemini', async () => {
    await using receiving = await startApp();
    expectProblem(await submit(BATCH, receiving), 503, 'gemini-not-configured');
  });
});

/** Submits a batch and returns its id and the path of its webhook. */
async function submitBatch(): Promise<{ id: string; path: string }> {
  const asked: { body?: { batch: { webhookConfig: { uris: string[] } } } } = {};
  gemini.answer = accepting(asked);
  const { id } = (await submit()).json as Job;
  const [uri = ''] = asked.body?.batch.webhookConfig.uris ?? [];
  return { id, path: new URL(uri).pathname };
}

const deliver = (path: string, type: string, data: object) =>
  post(
    app.url + path,
    signedV1a(KEYS, { body: eventBody(type, { id: 'batches/77', ...data }) }),
  );

const view = async (id: string) => (await ask(`${app.internalUrl}/v1/jobs/${id}`)).json;

describe('GET /v1/jobs/{id}', () => {
  it('shows the event that was published after a poll, also after a late delivery', async () => {
    const { id, path } = await submitBatch();
    await app.get(JobRegistry).updateJob(id, (job) => ({ ...job, dueAt: 0 }));
    gemini.answer = json({
      name: 'batches/77',
      metadata: { state: 'BATCH_STATE_SUCCEEDED', endTime: '2026-05-01T00:00:00Z' },
    });
    await app.get(StatusPoller).pollDue(new AbortController().signal);
    const [record] = app.publisher.records;
    const expected = {
      state: 'succeeded',
      reconciled: true,
      lastEvent: {
        type: 'batch.succeeded',
        webhookId: record?.headers['webhook-id'],
        at: expect.any(String),
      },
    };
    expect(record?.headers['bridge-reconciled']).toBe('true');
    expect(await view(id)).toMatchObject(expected);
    const late = await deliver(path, 'batch.succeeded', {});
    expect(late.json).toEqual({ status: 'duplicate' });
    expect(await view(id)).toMatchObject(expected);
    expect(app.log.text).toContain('event published after a poll');
  });

  it('shows the error in the event of a failed job', async () => {
    const { id, path } = await submitBatch();
    await deliver(path, 'batch.failed', { error_code: 3, error_message: 'bad request' });
    const job = await view(id);
    expect(job).toMatchObject({
      state: 'failed',
      error: { code: '3', message: 'bad request' },
      lastEvent: { type: 'batch.failed' },
    });
    expect(job).not.toHaveProperty('reconciled');
  });

  it('answers 404 for a job that it does not know', async () => {
    expectProblem(await ask(`${app.internalUrl}/v1/jobs/unknown`), 404, 'job-not-found');
  });
});

describe('GET /v1/jobs', () => {
  it('names the filters in the answer to an unknown one', async () => {
    const answer = await ask(`${app.internalUrl}/v1/jobs?unknownFilter=x&limit=1`);
    expectProblem(answer, 400, 'invalid-query');
    expect(answer.json).toMatchObject({
      errors: [
        {
          parameter: 'unknownFilter',
          detail: 'is not a filter: want state, kind, limit, cursor or metadata.<name>',
        },
      ],
    });
  });
});

interface Malformed {
  readonly method?: string;
  readonly body?: string;
  readonly encoding?: string;
}

describe('a request that no handler accepts', () => {
  const MARK = 'pay-load-mark';
  const LARGE = `"${'x'.repeat(20 * 1024 * 1024)}"`;

  it.each<[string, string, Malformed, number, string]>([
    ['a body that is no JSON', '/v1/batches', { body: `{"a":${MARK}` }, 400, 'malformed'],
    ['a body that is too large', '/v1/batches', { body: LARGE }, 413, 'body-too-large'],
    [
      'a body in an unknown encoding',
      '/v1/batches',
      { body: MARK, encoding: 'compress' },
      415,
      'unsupported-media-type',
    ],
    ['an unknown path', `/v1/${MARK}`, { body: '{}' }, 404, 'not-found'],
    ['another method', '/v1/batches', { method: 'DELETE' }, 404, 'not-found'],
    ['a path that is no UTF-8', '/v1/jobs/%E0%A4%A', { method: 'GET' }, 400, 'malformed'],
  ])('is answered with a problem that does not quote it: %s', async (...row) => {
    const [, path, { method = 'POST', body, encoding }, status, code] = row;
    const answer = await ask(app.internalUrl + path, {
      method,
      headers: {
        'content-type': 'application/json',
        ...(encoding ? { 'content-encoding': encoding } : {}),
      },
      ...(body ? { body } : {}),
    });
    expectProblem(answer, status, code);
    expect(answer.text).not.toContain(MARK);
    expect(app.log.text).not.toContain(MARK);
  });
});

describe('with API_TOKENS_FILE', () => {
  const TOKEN = 'a-token-of-more-than-16';

  it('only requests with a token of the file as the bearer token are accepted', async () => {
    using file = temporaryFile(`# tokens\nanother-token-that-is-good\n${TOKEN}\n`);
    await using guarded = await startApp({ API_TOKENS_FILE: file.path });
    await guarded.get(JobRegistry).add(knownJob());
    const url = `${guarded.internalUrl}/v1/jobs/job-1`;
    const call = (authorization?: string) =>
      ask(url, authorization ? { headers: { authorization } } : {});

    expect((await call(`Bearer ${TOKEN}`)).status).toBe(200);
    expect((await call(`bearer ${TOKEN}`)).status).toBe(200);
    for (const bad of [
      undefined,
      TOKEN,
      `Basic ${TOKEN}`,
      `Bearer ${TOKEN}x`,
      `Bearer ${TOKEN.slice(0, -1)}`,
      'Bearer # tokens',
      `Bearer ${'x'.repeat(9000)}`,
    ]) {
      const answer = await call(bad);
      expectProblem(answer, 401, 'unauthenticated');
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer\b/);
    }
    expectProblem(await submit(BATCH, guarded), 401, 'unauthenticated');
    expect((await ask(`${guarded.internalUrl}/health/live`)).status).toBe(200);
  });
});

it('answers 503 while Redis, where the jobs are, does not answer', async () => {
  const registry = new InterruptibleJobRegistry();
  registry.failure = new RedisUnavailableError('Redis did not answer');
  await using other = await startApp({}, [JobRegistry, registry]);
  const answer = await ask(`${other.internalUrl}/v1/jobs`);
  expectProblem(answer, 503, 'registry-unavailable');
  expect(answer.headers.get('retry-after')).toBe('5');
});
