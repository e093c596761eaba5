import { describe, expect, it, jest } from '@jest/globals';
import { GeminiEmulator } from '../src/emulator.js';
import { call } from './call.js';
import { startReceiver } from './receiver.js';
import { sdk } from './sdk.js';

const MODEL = 'gemini-embedding-001';

// The SDK says of each call that it is experimental
jest.spyOn(console, 'warn').mockImplementation(() => undefined);

describe('embedding batches through the official SDK', () => {
  it('answer inline requests with embeddings', async () => {
    await using emulator = await GeminiEmulator.start();
    const { batches } = sdk(emulator);
    const { name = '', displayName } = await batches.createEmbeddings({
      model: MODEL,
      src: { inlinedRequests: { contents: ['one', 'two'] } },
      config: { displayName: 'pair' },
    });
    expect(displayName).toBe('pair');
    emulator.finishJob(name, 'succeeded');
    const done = await batches.get({ name });
    expect(done).toMatchObject({
      state: 'JOB_STATE_SUCCEEDED',
      model: `models/${MODEL}`,
    });
    const responses = done.dest?.inlinedEmbedContentResponses ?? [];
    expect(responses.map(({ response }) => response?.embedding?.values?.length)).toEqual([
      3, 3,
    ]);
  });

  it('answer a file of requests with a file', async () => {
    await using emulator = await GeminiEmulator.start();
    const { batches } = sdk(emulator);
    const line = JSON.stringify({ key: 'a', request: { content: {} } });
    const fileName = emulator.files.add('in', Buffer.from(line), {
      mimeType: 'application/jsonl',
    });
    const { name = '' } = await batches.createEmbeddings({
      model: MODEL,
      src: { fileName },
    });
    emulator.finishJob(name, 'succeeded');
    const { dest } = await batches.get({ name });
    const answers = (await emulator.files.bytes(String(dest?.fileName))).toString();
    expect(JSON.parse(answers)).toMatchObject({ key: 'a', response: { embedding: {} } });
  });

  it('are in the list of batches', async () => {
    await using emulator = await GeminiEmulator.start();
    const { batches } = sdk(emulator);
    const src = { inlinedRequests: { contents: ['one'] } };
    const { name = '' } = await batches.createEmbeddings({ model: MODEL, src });
    const listed: unknown[] = [];
    for await (const batch of await batches.list()) listed.push(batch.name);
    expect(listed).toEqual([name]);
    await batches.cancel({ name });
    expect((await batches.get({ name })).state).toBe('JOB_STATE_CANCELLED');
    expect(emulator.jobs).toMatchObject([{ kind: 'embedding', state: 'CANCELLED' }]);
  });
});

describe('the end of an embedding batch', () => {
  it('is announced to the static webhooks, although the request has a webhookConfig', async () => {
    await using emulator = await GeminiEmulator.start();
    await using registered = await startReceiver();
    await using own = await startReceiver();
    emulator.webhooks.create({
      uri: registered.url,
      subscribed_events: ['batch.succeeded'],
    });
    const batch = {
      inputConfig: { requests: { requests: [{ request: {} }] } },
      webhookConfig: { uris: [own.url], userMetadata: { order: '7' } },
    };
    const path = `/v1beta/models/${MODEL}:asyncBatchEmbedContent`;
    const { body } = await call(emulator, 'POST', path, { batch });
    emulator.finishJob(body.name, 'succeeded');
    await emulator.drained();
    expect(own.requests).toEqual([]);
    expect(registered.requests.map(({ event }) => event)).toMatchObject([
      { type: 'batch.succeeded', data: { id: body.name } },
    ]);
    expect(emulator.jobs[0]).toMatchObject({ userMetadata: undefined, webhookUris: [] });
  });
});
