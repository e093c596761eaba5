import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { GeminiEmulator } from '../../packages/gemini-emulator/src/emulator.js';
import { JobRegistry } from '../../src/jobs/job-registry.js';
import { withProgress } from '../../src/jobs/job-lifecycle.js';
import type { TestApp } from '../support/app.js';
import { startEmulatedApp, type EmulatedApp } from '../support/emulated-app.js';
import { ask } from '../support/sender.js';

const LINE = JSON.stringify({
  key: 'a',
  request: { contents: [{ parts: [{ text: 'x'.repeat(1000) }] }] },
});
/** Requests that are longer than two chunks of an upload. */
const LINES = Array.from({ length: 9000 }, () => LINE).join('\n');

let world: EmulatedApp;
let gemini: GeminiEmulator;
let app: TestApp;

beforeAll(async () => {
  world = await startEmulatedApp();
  ({ app, gemini } = world);
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

beforeEach(() => app.publisher.reset());

const QUERY = {
  model: 'gemini-flash',
  displayName: 'nightly',
  correlationId: 'order-7',
  metadata: '{"tenant":"blue"}',
};

function upload(
  body: string,
  {
    query = QUERY,
    collection = 'batches',
    key,
  }: { query?: object; collection?: string; key?: string } = {},
) {
  const search = new URLSearchParams(query as Record<string, string>).toString();
  return ask(`${app.internalUrl}/v1/${collection}?${search}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/jsonl',
      ...(key !== undefined && { 'idempotency-key': key }),
    },
    body,
  });
}

const read = (id: string, range?: string) =>
  fetch(`${app.internalUrl}/v1/jobs/${id}/result`, {
    headers: range === undefined ? {} : { range },
  });

const filesAtGemini = async (): Promise<{ name: string; sizeBytes: string }[]> => {
  const response = await fetch(`${gemini.url}/v1beta/files?pageSize=100`, {
    headers: { 'x-goog-api-key': gemini.apiKey },
  });
  const { files = [] } = (await response.json()) as {
    files?: { name: string; sizeBytes: string }[];
  };
  return files;
};

interface Taken {
  readonly id: string;
  readonly geminiName: string;
}

describe('uploaded requests', () => {
  it('are a file at Gemini, byte for byte, which the batch uses', async () => {
    const answer = await upload(LINES);
    expect(answer.status).toBe(202);
    const { id, geminiName } = answer.json as Taken;
    expect(await app.get(JobRegistry).find(id)).toMatchObject({
      correlationId: 'order-7',
      metadata: { tenant: 'blue' },
      model: 'gemini-flash',
    });
    const batch = gemini.batches.get(geminiName);
    expect(batch.displayName).toBe(`nightly [${id}]`);
    const [file] = await filesAtGemini();
    expect(file?.sizeBytes).toBe(String(LINES.length));
    const content = await fetch(`${gemini.url}/v1beta/${file?.name}:download?alt=media`, {
      headers: { 'x-goog-api-key': gemini.apiKey },
    });
    expect((await content.text()) === LINES).toBe(true);
  });

  it('continue at the byte where the connection broke', async () => {
    const before = (await filesAtGemini()).length;
    // One entry for each request: the start, a chunk, the query of the offset, the chunk again, two queries
    for (const kind of [
      'delay',
      'drop',
      'delay',
      'accept-then-drop',
      'status',
    ] as const) {
      gemini.fault('files.upload', { kind, ...(kind === 'delay' && { delayMs: 1 }) });
    }
    expect((await upload(LINES)).status).toBe(202);
    const files = await filesAtGemini();
    expect(files.length).toBe(before + 1);
    expect(files.every(({ sizeBytes }) => sizeBytes === String(LINES.length))).toBe(true);
  }, 60_000);

  it('that Gemini refuses for its rate limit are answered 429 with Retry-After', async () => {
    gemini.fault('files.upload', { kind: 'status', status: 429, retryAfterSeconds: 7 });
    const answer = await upload(LINE);
    expect(answer).toMatchObject({ status: 429, json: { code: 'gemini-rate-limited' } });
    expect(answer.headers.get('retry-after')).toBe('7');
  });

  it('are submitted once under one key, and an unneeded file is deleted', async () => {
    const first = await upload(LINE, { key: 'k-1' });
    const files = (await filesAtGemini()).length;
    const again = await upload(LINE, { key: 'k-1' });
    expect((again.json as Taken).id).toBe((first.json as Taken).id);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(await upload(`${LINE}\n${LINE}`, { key: 'k-1' })).toMatchObject({
      status: 422,
      json: { code: 'idempotency-key-reused' },
    });
    expect((await filesAtGemini()).length).toBe(files);
  });

  it('are not uploaded if a job with their idempotency key exists', async () => {
    const first = await upload(LINE, { key: 'k-2' });
    gemini.fault('files.upload', { kind: 'status', status: 429 });
    const again = await upload(LINE, { key: 'k-2' });
    const other = await upload(`${LINE}\n`, { key: 'k-2' });
    expect((again.json as Taken).id).toBe((first.json as Taken).id);
    expect(other).toMatchObject({
      status: 422,
      json: { code: 'idempotency-key-reused' },
    });
    expect((await upload(LINE)).status).toBe(429);
  });

  it.each<[string, number, string, () => Promise<{ status: number; json: unknown }>]>([
    ['no model', 422, 'invalid-body', () => upload(LINE, { query: {} })],
    [
      'metadata that is not JSON',
      422,
      'invalid-body',
      () => upload(LINE, { query: { ...QUERY, metadata: '{' } }),
    ],
    [
      'an unknown parameter',
      422,
      'invalid-body',
      () => upload(LINE, { query: { ...QUERY, modle: 'x' } }),
    ],
    [
      'a file parameter',
      422,
      'invalid-body',
      () => upload(LINE, { query: { ...QUERY, file: 'files/1' } }),
    ],
    ['an empty body', 422, 'invalid-body', () => upload('')],
    [
      'a kind of job without requests',
      415,
      'unsupported-media-type',
      () => upload(LINE, { collection: 'videos' }),
    ],
  ])('with %s are refused, and no file remains', async (_, status, code, send) => {
    const files = (await filesAtGemini()).length;
    expect(await send()).toMatchObject({ status, json: { status, code } });
    expect((await filesAtGemini()).length).toBe(files);
  });
});

/** Ends a job at Gemini, and in the registry as its event does. */
async function finish({ id, geminiName }: Taken): Promise<void> {
  gemini.finishJob(geminiName, 'succeeded');
  await app
    .get(JobRegistry)
    .updateJob(id, (job) => withProgress(job, 'succeeded', new Date()));
}

async function finished(collection: string, body: object): Promise<Taken> {
  const answer = await ask(`${app.internalUrl}/v1/${collection}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const job = answer.json as Taken;
  await finish(job);
  return job;
}

describe('a result', () => {
  it('in a file is returned unchanged, completely or a range of it', async () => {
    const job = (await upload(`${LINE}\n${LINE}`)).json as Taken;
    await finish(job);
    const whole = await read(job.id);
    expect(whole.status).toBe(200);
    const text = await whole.text();
    expect(text.trim().split('\n')).toHaveLength(2);
    expect(whole.headers.get('content-length')).toBe(String(Buffer.byteLength(text)));
    const part = await read(job.id, 'bytes=10-19');
    expect([part.status, await part.text()]).toEqual([206, text.slice(10, 20)]);
    expect(part.headers.get('content-range')).toBe(`bytes 10-19/${text.length}`);
    const beyond = await read(job.id, `bytes=${text.length + 5}-`);
    expect([beyond.status, ((await beyond.json()) as { code: string }).code]).toEqual([
      416,
      'range-not-satisfiable',
    ]);
  });

  it('of inline requests is Gemini’s answer, which contains the responses', async () => {
    const requests = [{ key: 'a', request: { contents: [{ parts: [{ text: 'hi' }] }] } }];
    const job = await finished('batches', { model: 'gemini-flash', requests });
    const answer = (await (await read(job.id)).json()) as {
      response: { inlinedResponses: { inlinedResponses: object[] } };
    };
    expect(answer.response.inlinedResponses.inlinedResponses).toMatchObject([
      { metadata: { key: 'a' } },
    ]);
  });

  it('of a video is the file with the name in the URI', async () => {
    const job = await finished('videos', {
      model: 'veo-3',
      instances: [{ prompt: 'a cat' }],
    });
    const answer = await read(job.id);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toMatch(/^video\//);
  });

  it('of an interaction is the interaction', async () => {
    const interaction = { model: 'gemini-flash', input: 'hello' };
    const job = await finished('interactions', { interaction });
    expect(await (await read(job.id)).json()).toMatchObject({ status: 'completed' });
  });

  it('is not there before the job is over, or for an unknown job', async () => {
    const { id } = (await upload(LINE)).json as Taken;
    expect(await (await read(id)).json()).toMatchObject({ code: 'job-not-over' });
    expect((await read(id)).status).toBe(409);
    expect(await (await read('unknown')).json()).toMatchObject({ code: 'job-not-found' });
  });
});
