import { describe, expect, it } from '@jest/globals';
import { GeminiEmulator } from '../src/emulator.js';
import { EVENT_TYPES } from '../src/webhooks/webhook-fields.js';
import { batchBody, call, submit } from './call.js';

const CREATE = '/models/gemini-flash:batchGenerateContent';
const WEBHOOK = { uri: 'http://127.0.0.1:1/', subscribed_events: ['batch.failed'] };

describe('the emulated API', () => {
  it.each(['/v1', '/v1beta'])('serves %s', async (version) => {
    await using emulator = await GeminiEmulator.start();
    const created = await call(emulator, 'POST', `${version}${CREATE}`, batchBody());
    const got = await call(emulator, 'GET', `${version}/${created.body.name}`);
    expect(got.body).toEqual(created.body);
    const { status } = await call(emulator, 'POST', `${version}/webhooks`, WEBHOOK);
    expect(status).toBe(200);
  });

  it('answers a batch in the form of published recordings', async () => {
    await using emulator = await GeminiEmulator.start();
    const path = `/v1beta${CREATE}`;
    const { body } = await call(
      emulator,
      'POST',
      path,
      batchBody(2, { displayName: 'd' }),
    );
    const name = body.name;
    const type = 'google.ai.generativelanguage.v1main.GenerateContentBatch';
    const nanoseconds = expect.stringMatching(/^\d{4}-.*\.\d{9}Z$/);
    expect(body).toEqual({
      name,
      metadata: {
        '@type': `type.googleapis.com/${type}`,
        model: 'models/gemini-flash',
        displayName: 'd',
        createTime: nanoseconds,
        updateTime: nanoseconds,
        batchStats: { requestCount: '2', pendingRequestCount: '2' },
        state: 'BATCH_STATE_PENDING',
        name,
      },
    });
    emulator.finishJob(name, 'succeeded', { failedRequests: 1 });
    const { body: done } = await call(emulator, 'GET', `/v1beta/${name}`);
    expect(done).toMatchObject({
      done: true,
      metadata: {
        state: 'BATCH_STATE_SUCCEEDED',
        batchStats: {
          requestCount: '2',
          successfulRequestCount: '1',
          failedRequestCount: '1',
        },
        output: {
          inlinedResponses: { inlinedResponses: [{ error: {} }, { response: {} }] },
        },
      },
      response: { inlinedResponses: {} },
    });
  });

  it.each(['failed', 'expired', 'cancelled'] as const)(
    'gives a %s batch an error',
    async (outcome) => {
      await using emulator = await GeminiEmulator.start();
      const name = await submit(emulator);
      emulator.finishJob(name, outcome);
      const { body } = await call(emulator, 'GET', `/v1beta/${name}`);
      expect(body).toMatchObject({
        done: true,
        error: { code: expect.any(Number), message: expect.any(String) },
        metadata: { state: `BATCH_STATE_${outcome.toUpperCase()}` },
      });
      expect(() => emulator.finishJob(name, 'succeeded')).toThrow('already');
    },
  );

  it.each([
    ['fields=name,metadata.state'],
    ['fields=name,metadata/state'],
    ['$fields=name,metadata(state)'],
    ['fields=*(state),name'],
  ])('masks with ?%s', async (mask) => {
    await using emulator = await GeminiEmulator.start();
    const name = await submit(emulator);
    const { body } = await call(emulator, 'GET', `/v1beta/${name}?${mask}`);
    expect(body).toEqual({ name, metadata: { state: 'BATCH_STATE_PENDING' } });
  });

  it('masks lists', async () => {
    await using emulator = await GeminiEmulator.start();
    const name = await submit(emulator);
    const mask = 'operations(name,metadata/state),nextPageToken';
    const { body } = await call(emulator, 'GET', `/v1beta/batches?fields=${mask}`);
    expect(body).toEqual({
      operations: [{ name, metadata: { state: 'BATCH_STATE_PENDING' } }],
    });
  });

  it('accepts names in snake_case and in camelCase', async () => {
    await using emulator = await GeminiEmulator.start();
    const requests = { requests: [{ request: {} }] };
    const snake = {
      batch: {
        input_config: { requests },
        display_name: 'snake',
        webhook_config: { uris: ['http://127.0.0.1:1/'], user_metadata: { a: 'b' } },
      },
    };
    const { body } = await call(emulator, 'POST', `/v1beta${CREATE}`, snake);
    expect(body).toMatchObject({ metadata: { displayName: 'snake' } });
    expect(emulator.batches.get(body.name)).toMatchObject({
      webhookUris: ['http://127.0.0.1:1/'],
      userMetadata: { a: 'b' },
    });
    const camel = { uri: WEBHOOK.uri, subscribedEvents: WEBHOOK.subscribed_events };
    const { status } = await call(emulator, 'POST', '/v1beta/webhooks', camel);
    expect(status).toBe(200);
  });

  it('requires the API key in the header or in the query', async () => {
    await using emulator = await GeminiEmulator.start({ apiKey: 'secret' });
    const path = '/v1beta/batches';
    expect(await call(emulator, 'GET', path, undefined, {})).toMatchObject({
      status: 403,
      body: { error: { code: 403, status: 'PERMISSION_DENIED' } },
    });
    const wrong = { 'x-goog-api-key': 'wrong' };
    expect(await call(emulator, 'GET', path, undefined, wrong)).toMatchObject({
      status: 400,
      body: { error: { details: [{ reason: 'API_KEY_INVALID' }] } },
    });
    const { status } = await call(emulator, 'GET', `${path}?key=secret`, undefined, {});
    expect(status).toBe(200);
  });

  it.each([
    ['GET', '/v1beta/batches/none', 404, 'NOT_FOUND'],
    ['GET', '/v1beta/webhooks/none', 404, 'NOT_FOUND'],
    ['GET', '/v1beta/files/none', 403, 'PERMISSION_DENIED'],
    ['GET', '/v1beta/nothing', 404, 'NOT_FOUND'],
    ['POST', '/v1beta/webhooks', 400, 'INVALID_ARGUMENT'],
    ['POST', `/v1beta${CREATE}`, 400, 'INVALID_ARGUMENT'],
    ['GET', '/v1beta/batches?pageToken=forged', 400, 'INVALID_ARGUMENT'],
  ])(
    'answers %s %s with %i in the form of Google’s errors',
    async (method, path, code, status) => {
      await using emulator = await GeminiEmulator.start();
      const answer = await call(emulator, method, path);
      const error = { code, status, message: expect.any(String) };
      expect(answer).toMatchObject({ status: code, body: { error } });
    },
  );

  it('lists the seven event types when it refuses another', async () => {
    await using emulator = await GeminiEmulator.start();
    const body = { ...WEBHOOK, subscribed_events: ['batch.cancelled'] };
    const answer = await call(emulator, 'POST', '/v1beta/webhooks', body);
    expect(answer.status).toBe(400);
    const { message } = answer.body.error;
    for (const type of EVENT_TYPES) expect(message).toContain(type);
    expect(EVENT_TYPES).toHaveLength(7);
    emulator.options.cancelledEvents = true;
    expect((await call(emulator, 'POST', '/v1beta/webhooks', body)).status).toBe(200);
  });

  it('lists 50 entries by default and at most 1000', async () => {
    await using emulator = await GeminiEmulator.start();
    for (let made = 0; made < 1001; made++) emulator.webhooks.create(WEBHOOK);
    const listed = async (query: string) => {
      const { body } = await call(emulator, 'GET', `/v1beta/webhooks${query}`);
      return (body['webhooks'] as unknown[]).length;
    };
    expect(await listed('')).toBe(50);
    expect(await listed('?page_size=5000')).toBe(1000);
    expect(await listed('?pageSize=7')).toBe(7);
  });

  it('applies update_mask only with updateMask: strict', async () => {
    await using emulator = await GeminiEmulator.start({ updateMask: 'strict' });
    const { body } = await call(emulator, 'POST', '/v1beta/webhooks', WEBHOOK);
    const path = `/v1beta/webhooks/${body.id}`;
    const change = { name: 'new', state: 'disabled' };
    const masked = await call(emulator, 'PATCH', `${path}?update_mask=name`, change);
    expect(masked.body).toMatchObject({ name: 'new', state: 'enabled' });
    emulator.options.updateMask = 'ignored';
    const ignored = await call(emulator, 'PATCH', `${path}?update_mask=name`, change);
    expect(ignored.body).toMatchObject({ state: 'disabled' });
  });

  it('serves what only the guide has with guideCompat', async () => {
    await using plain = await GeminiEmulator.start();
    await using compat = await GeminiEmulator.start({ guideCompat: true });
    const body = { src: [{ request: {} }], config: { display_name: 'guide' } };
    const upper = { revocation_behavior: 'REVOKE_PREVIOUS_SECRETS_IMMEDIATELY' };
    for (const [emulator, expected] of [
      [plain, 404],
      [compat, 200],
    ] as const) {
      const path = '/v1/models/gemini-flash:batchCreate';
      expect((await call(emulator, 'POST', path, body)).status).toBe(expected);
      const { body: webhook } = await call(emulator, 'POST', '/v1/webhooks', WEBHOOK);
      const rotate = `/v1/webhooks/${webhook.id}/rotate_secret`;
      expect((await call(emulator, 'POST', rotate, upper)).status).toBe(expected);
    }
  });

  it('ends batches by itself, by the emulated clock', async () => {
    await using emulator = await GeminiEmulator.start({ autoFinishMs: 3_600_000 });
    const name = await submit(emulator);
    const { state } = emulator.batches.get(name);
    expect(state).toBe('PENDING');
    emulator.clock.advance(3_600_000);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(emulator.batches.get(name).state).toBe('SUCCEEDED');
  });
});
