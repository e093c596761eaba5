import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { GeminiEmulator } from '../../packages/gemini-emulator/src/emulator.js';
import { newTraceparent } from '../../src/infrastructure/tracing/traceparent.js';
import type { TestApp } from '../support/app.js';
import { startEmulatedApp, type EmulatedApp } from '../support/emulated-app.js';
import { ask, eventBody, post, signedV1, signedV1a } from '../support/sender.js';

/** Application without an exporter of traces. It still passes the trace contexts on. */
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

const REQUESTS = [{ request: { contents: [{ parts: [{ text: 'hi' }] }] } }];
const EMBEDDINGS = [{ request: { content: { parts: [{ text: 'hi' }] } } }];

async function submit(
  collection: string,
  requests: object[],
  headers: Record<string, string>,
): Promise<{ readonly id: string; readonly geminiName: string }> {
  const { status, json } = await ask(`${app.internalUrl}/v1/${collection}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'gemini-flash', requests }),
  });
  expect(status).toBe(202);
  return json as { id: string; geminiName: string };
}

const traceparentOf = (topic: string) =>
  app.publisher.records.find((record) => record.topic === topic)?.headers['traceparent'];

const END = { topic: 'gemini.batch.succeeded' };

describe('the trace of a submission', () => {
  it.each([
    ['the webhook of the job', 'batches', REQUESTS],
    ['a static webhook', 'embedding-batches', EMBEDDINGS],
  ])('continues in the event from %s', async (_how, collection, requests) => {
    const traceparent = newTraceparent().replace(/01$/, '00'); // not sampled, as the event's must be
    const { geminiName: id } = await submit(collection, requests, { traceparent });
    const body = eventBody('batch.succeeded', { id });
    const { status } =
      collection === 'batches'
        ? await post(webhookOf(id), signedV1a(gemini.keys, { body }))
        : await post(`${app.url}/webhooks/gemini`, signedV1({ body }));
    expect(status).toBe(200);
    const [trace, ours] = [traceparent, traceparentOf(END.topic) ?? ''];
    expect(ours).toMatch(new RegExp(`^${trace.slice(0, 36)}[0-9a-f]{16}-00$`));
    expect(ours).not.toBe(trace);
  });

  it.each([
    ['no', {}],
    ['an invalid', { traceparent: `00-${'0'.repeat(32)}-${'1'.repeat(16)}-01` }],
  ])('is new if the caller sends %s traceparent', async (_what, headers) => {
    const { geminiName: id } = await submit('batches', REQUESTS, headers);
    const body = eventBody('batch.succeeded', { id });
    await post(webhookOf(id), signedV1a(gemini.keys, { body }));
    expect(traceparentOf(END.topic)).toMatch(
      /^00-(?!0{32})[0-9a-f]{32}-[0-9a-f]{16}-01$/,
    );
  });

  it('is not shown with the job', async () => {
    const { id } = await submit('batches', REQUESTS, { traceparent: newTraceparent() });
    const { json } = await ask(`${app.internalUrl}/v1/jobs/${id}`);
    expect(json).not.toHaveProperty('traceparent');
  });
});

describe('a delivery', () => {
  it('does not set the trace of its event by its traceparent', async () => {
    const { headers, body } = signedV1();
    const traceparent = newTraceparent();
    await post(`${app.url}/webhooks/gemini`, {
      headers: { ...headers, traceparent },
      body,
    });
    const ours = traceparentOf(END.topic);
    expect(ours).toMatch(/^00-/);
    expect(ours?.slice(0, 35)).not.toBe(traceparent.slice(0, 35));
  });
});

function webhookOf(geminiName: string): string {
  const [uri = ''] = gemini.batches.get(geminiName).webhookUris;
  return app.url + new URL(uri).pathname;
}
