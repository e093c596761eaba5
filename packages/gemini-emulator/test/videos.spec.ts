import { describe, expect, it } from '@jest/globals';
import { GenerateVideosOperation } from '@google/genai';
import { GeminiEmulator } from '../src/emulator.js';
import type { StartOptions } from '../src/options.js';
import { call } from './call.js';
import { startReceiver } from './receiver.js';
import { sdk } from './sdk.js';

const MODEL = 'veo-3.1-generate';
const CREATE = `/v1beta/models/${MODEL}:predictLongRunning`;
const METADATA = { order: '7' };

/** Creates a video whose end is announced to this URL. @returns its name */
async function create(emulator: GeminiEmulator, url?: string): Promise<string> {
  const { body } = await call(emulator, 'POST', CREATE, {
    instances: [{ prompt: 'A cat.' }],
    ...(url ? { webhookConfig: { uris: [url], userMetadata: METADATA } } : {}),
  });
  return body.name;
}

function get(emulator: GeminiEmulator, name: string, query = '') {
  return call(emulator, 'GET', `/v1beta/${name}${query}`);
}

describe('videos through the official SDK', () => {
  it('are generated, polled and downloaded', async () => {
    await using emulator = await GeminiEmulator.start();
    const { models, operations } = sdk(emulator);
    const asked = await models.generateVideos({
      model: MODEL,
      source: { prompt: 'A cat.' },
      config: {
        numberOfVideos: 2,
        webhookConfig: { uris: ['http://127.0.0.1:1/'], userMetadata: METADATA },
      },
    });
    expect(asked.name).toMatch(new RegExp(`^models/${MODEL}/operations/[a-z0-9]{12}$`));
    expect(asked.done).toBeUndefined();
    const running = await operations.getVideosOperation({ operation: asked });
    expect(running.done).toBeFalsy();
    emulator.finishJob(String(asked.name), 'succeeded');
    const { done, response } = await operations.getVideosOperation({ operation: asked });
    expect(done).toBe(true);
    const uris = response?.generatedVideos?.map(({ video }) => String(video?.uri)) ?? [];
    expect(uris).toHaveLength(2);
    const headers = { 'x-goog-api-key': emulator.apiKey };
    const video = await fetch(String(uris[0]), { headers });
    expect(video.headers.get('content-type')).toBe('video/mp4');
    expect(await video.text()).toBe('An emulated video.');
    expect(emulator.jobs).toMatchObject([
      {
        kind: 'video',
        name: asked.name,
        userMetadata: METADATA,
        webhookUris: ['http://127.0.0.1:1/'],
      },
    ]);
  });

  it('have an error if they failed', async () => {
    await using emulator = await GeminiEmulator.start();
    const operation = new GenerateVideosOperation();
    operation.name = await create(emulator);
    emulator.finishJob(operation.name, 'failed', { errorCode: 3, errorMessage: 'no' });
    const { operations } = sdk(emulator);
    const ended = await operations.getVideosOperation({ operation });
    expect(ended).toMatchObject({ done: true, error: { code: 3, message: 'no' } });
  });
});

describe('the operations of a model', () => {
  it('have only a name at first', async () => {
    await using emulator = await GeminiEmulator.start({ echo: { video: false } });
    const { body } = await call(emulator, 'POST', CREATE, {
      instances: [{ prompt: 'A cat.' }],
      webhook_config: { uris: ['http://127.0.0.1:1/'], user_metadata: METADATA },
    });
    expect(Object.keys(body)).toEqual(['name']);
    expect((await get(emulator, body.name)).body).toEqual({ name: body.name });
    expect(emulator.jobs[0]).toMatchObject({ userMetadata: METADATA });
  });

  it('repeat webhookConfig in metadata', async () => {
    await using emulator = await GeminiEmulator.start();
    const url = 'http://127.0.0.1:1/';
    const { body } = await get(emulator, await create(emulator, url));
    expect(body).toMatchObject({
      metadata: { webhookConfig: { uris: [url], userMetadata: METADATA } },
    });
  });

  it('are listed for one model, in pages and in part', async () => {
    await using emulator = await GeminiEmulator.start();
    const names: string[] = [];
    for (let made = 0; made < 3; made++) names.unshift(await create(emulator));
    await call(emulator, 'POST', CREATE.replace(MODEL, 'other'), { instances: [{}] });
    const path = `/v1beta/models/${MODEL}/operations?pageSize=2`;
    const fields = 'operations(name,done),nextPageToken';
    const first = await call(emulator, 'GET', `${path}&fields=${fields}`);
    expect(first.body['operations']).toEqual(names.slice(0, 2).map((name) => ({ name })));
    const token = String(first.body['nextPageToken']);
    const second = await call(emulator, 'GET', `${path}&pageToken=${token}`);
    expect(second.body).toEqual({ operations: [{ name: names[2] }] });
    const { body } = await get(emulator, names[0] ?? '', '?fields=done,name');
    expect(body).toEqual({ name: names[0] });
  });

  it('can be cancelled', async () => {
    await using emulator = await GeminiEmulator.start();
    const name = await create(emulator);
    const { status } = await call(emulator, 'POST', `/v1beta/${name}:cancel`, {});
    expect(status).toBe(200);
    expect((await get(emulator, name)).body).toMatchObject({
      done: true,
      error: { code: 1 },
    });
  });

  it('are not those of another model', async () => {
    await using emulator = await GeminiEmulator.start();
    const name = await create(emulator);
    const { status } = await get(emulator, name.replace(MODEL, 'other'));
    expect(status).toBe(404);
  });

  it.each([
    [{}, /instances/],
    [{ instances: [] }, /instances/],
    [{ instances: [{}], parameters: { sampleCount: 0 } }, /sampleCount/],
    [{ instances: [{}], webhookConfig: { uris: ['x'] } }, /uri/],
  ])('are not created by %j', async (body, message) => {
    await using emulator = await GeminiEmulator.start();
    const answer = await call(emulator, 'POST', CREATE, body);
    expect(answer.status).toBe(400);
    expect(answer.body.error.message).toMatch(message);
  });
});

describe('the end of a video', () => {
  it.each([
    [{}, /^models\/veo.*\/operations\/\w+$/, /^files\/\w+$/],
    [{ videoDataId: 'operations/' }, /^operations\/\w+$/, /^files\/\w+$/],
    [{ videoDataId: 'bare', outputUri: 'gs://' }, /^\w+$/, /^gs:\/\/.*\/files\/\w+$/],
  ] as [StartOptions, RegExp, RegExp][])('is told with %j', async (options, id, uri) => {
    await using emulator = await GeminiEmulator.start(options);
    await using own = await startReceiver();
    await using registered = await startReceiver();
    const types = ['video.generated'];
    emulator.webhooks.create({ uri: registered.url, subscribed_events: types });
    emulator.finishJob(await create(emulator, own.url), 'succeeded');
    emulator.finishJob(await create(emulator), 'succeeded');
    await emulator.drained();
    const data = {
      id: expect.stringMatching(id),
      output_file_uri: expect.stringMatching(uri),
      file_name: expect.stringMatching(/^files\/[a-z0-9]{12}$/),
    };
    expect(own.requests.map(({ event }) => event)).toMatchObject([
      { type: 'video.generated', data: { ...data, user_metadata: METADATA } },
    ]);
    expect(registered.requests.map(({ event }) => event.data)).toEqual([data]);
  });

  it.each(['failed', 'cancelled'] as const)(
    'is not announced when it %s',
    async (outcome) => {
      await using emulator = await GeminiEmulator.start({ cancelledEvents: true });
      const name = await create(emulator, 'http://127.0.0.1:1/');
      expect(emulator.finishJob(name, outcome)).toEqual([]);
      expect(emulator.pendingDeliveries).toEqual([]);
    },
  );

  it('may have no video', async () => {
    await using emulator = await GeminiEmulator.start();
    await using own = await startReceiver();
    const name = await create(emulator, own.url);
    emulator.finishJob(name, 'succeeded', { failedRequests: 1 });
    await emulator.drained();
    expect(own.requests[0]?.event.data).toEqual({ id: name, user_metadata: METADATA });
    expect((await get(emulator, name)).body['response']).toMatchObject({
      generateVideoResponse: { raiMediaFilteredCount: 1 },
    });
  });

  it('is never an expiry', async () => {
    await using emulator = await GeminiEmulator.start();
    const name = await create(emulator);
    expect(() => emulator.finishJob(name, 'expired')).toThrow('No video ends as expired');
  });
});
