import { describe, expect, it } from '@jest/globals';
import { GeminiEmulator } from '../src/emulator.js';
import { call } from './call.js';
import { startReceiver } from './receiver.js';
import { MODEL, ONCE, sdk } from './sdk.js';

const PATH = '/v1beta/interactions';
const ORDER = { model: MODEL, input: 'Why is the sky blue?', background: true };
const METADATA = { order: '7' };

/** Creates an interaction whose end is announced to this URL. @returns its id */
async function create(emulator: GeminiEmulator, url?: string): Promise<string> {
  const { body } = await call(emulator, 'POST', PATH, {
    ...ORDER,
    ...(url ? { webhook_config: { uris: [url], user_metadata: METADATA } } : {}),
  });
  return body.id;
}

describe('interactions through the official SDK', () => {
  it('are created in the background and completed', async () => {
    await using emulator = await GeminiEmulator.start();
    const { interactions } = sdk(emulator);
    const config = { uris: ['http://127.0.0.1:1/'], user_metadata: METADATA };
    const created = await interactions.create(
      { ...ORDER, background: true, webhook_config: config },
      ONCE,
    );
    expect(created).toMatchObject({
      id: expect.stringMatching(/^v1_[\w-]{64}$/),
      status: 'in_progress',
      model: MODEL,
      webhook_config: config,
      created: expect.stringMatching(/^[\d-]+T[\d:]+Z$/),
    });
    emulator.startJob(created.id);
    expect((await interactions.get(created.id, {}, ONCE)).status).toBe('in_progress');
    emulator.finishJob(created.id, 'succeeded');
    const done = await interactions.get(created.id, {}, ONCE);
    expect(done).toMatchObject({
      status: 'completed',
      output_text: 'An emulated answer.',
      webhook_config: config,
    });
  });

  it('can be cancelled and deleted', async () => {
    await using emulator = await GeminiEmulator.start();
    const { interactions } = sdk(emulator);
    const { id } = await interactions.create({ ...ORDER, background: true }, ONCE);
    expect((await interactions.cancel(id, {}, ONCE)).status).toBe('cancelled');
    expect((await interactions.cancel(id, {}, ONCE)).status).toBe('cancelled');
    await interactions.delete(id, {}, ONCE);
    await expect(interactions.get(id, {}, ONCE)).rejects.toMatchObject({ status: 404 });
    expect(emulator.jobs).toMatchObject([
      { kind: 'interaction', id, name: `interactions/${id}`, deleted: true },
    ]);
  });

  it('are refused with the status of the refusal', async () => {
    await using emulator = await GeminiEmulator.start();
    const { interactions } = sdk(emulator);
    const asked = interactions.create(
      { model: MODEL, input: 'x', webhook_config: { uris: ['http://127.0.0.1:1/'] } },
      ONCE,
    );
    await expect(asked).rejects.toMatchObject({ status: 400 });
  });
});

describe('the interactions of the API', () => {
  it('repeat webhook_config unchanged, in later answers only with echo.interaction', async () => {
    const config = { uris: ['http://127.0.0.1:1/'], userMetadata: METADATA, other: 1 };
    await using emulator = await GeminiEmulator.start({ echo: { interaction: false } });
    const order = { ...ORDER, labels: { team: 'blue' }, webhook_config: config };
    const { body } = await call(emulator, 'POST', PATH, order);
    expect(body).toMatchObject({ webhook_config: config, labels: order.labels });
    const path = `${PATH}/${body.id}?stream=false`;
    const later = async () => (await call(emulator, 'GET', path)).body;
    expect(await later()).not.toHaveProperty('webhook_config');
    emulator.options.echo.interaction = true;
    expect(await later()).toMatchObject({ webhook_config: config });
  });

  it.each([
    [{ ...ORDER, background: false, webhook_config: {} }, 400, /background/],
    [{ ...ORDER, background: undefined, webhook_config: {} }, 400, /background/],
    [{ ...ORDER, background: false }, 501, /background/],
    [{ ...ORDER, stream: true }, 501, /stream/],
    [{ ...ORDER, model: undefined }, 400, /model and agent/],
    [{ ...ORDER, agent: 'deep-research' }, 400, /model and agent/],
    [{ ...ORDER, input: undefined }, 400, /input/],
    [{ ...ORDER, webhook_config: { uris: ['ftp://x'] } }, 400, /uri/],
  ])('refuse %j with %i', async (order, status, message) => {
    await using emulator = await GeminiEmulator.start();
    const answer = await call(emulator, 'POST', PATH, order);
    expect(answer).toMatchObject({
      status,
      body: { error: { code: status, message: expect.stringMatching(message) } },
    });
    expect(emulator.jobs).toEqual([]);
  });

  it('have no list', async () => {
    await using emulator = await GeminiEmulator.start();
    await create(emulator);
    expect((await call(emulator, 'GET', PATH)).status).toBe(404);
  });

  it('have no stream', async () => {
    await using emulator = await GeminiEmulator.start();
    const path = `${PATH}/${await create(emulator)}?stream=true`;
    expect((await call(emulator, 'GET', path)).status).toBe(501);
  });

  it('are not found under other names', async () => {
    await using emulator = await GeminiEmulator.start();
    const id = await create(emulator);
    expect((await call(emulator, 'GET', `/v1beta/batches/${id}`)).status).toBe(404);
    expect(() => emulator.finishJob(`batches/${id}`, 'failed')).toThrow('not found');
    emulator.finishJob(`interactions/${id}`, 'failed');
  });

  it('can be read in part', async () => {
    await using emulator = await GeminiEmulator.start();
    const id = await create(emulator);
    const { body } = await call(emulator, 'GET', `${PATH}/${id}?fields=id,status`);
    expect(body).toEqual({ id, status: 'in_progress' });
  });
});

describe('the end of an interaction', () => {
  it.each([
    ['succeeded', 'interaction.completed', {}],
    ['requires_action', 'interaction.requires_action', {}],
    ['failed', 'interaction.failed', { error_code: 13, error_message: 'no' }],
  ] as const)('that %s is told as %s', async (outcome, type, data) => {
    await using emulator = await GeminiEmulator.start();
    await using registered = await startReceiver();
    await using own = await startReceiver();
    emulator.webhooks.create({ uri: registered.url, subscribed_events: [type] });
    const id = await create(emulator, own.url);
    emulator.finishJob(id, outcome, { errorMessage: 'no' });
    await emulator.drained();
    expect(registered.requests).toEqual([]);
    expect(own.requests.map(({ event }) => event)).toMatchObject([
      { type, data: { id, ...data, user_metadata: METADATA } },
    ]);
  });

  it('is announced to the static webhooks if it has no URIs', async () => {
    await using emulator = await GeminiEmulator.start();
    await using registered = await startReceiver();
    const types = ['interaction.completed'];
    emulator.webhooks.create({ uri: registered.url, subscribed_events: types });
    const id = await create(emulator);
    emulator.options.interactionDataId = 'interactions/';
    emulator.finishJob(id, 'succeeded');
    await emulator.drained();
    expect(registered.requests[0]?.event.data).toEqual({ id: `interactions/${id}` });
  });

  it('may come after the interaction waited for its caller', async () => {
    await using emulator = await GeminiEmulator.start();
    const id = await create(emulator);
    const shown = async () => (await call(emulator, 'GET', `${PATH}/${id}`)).body;
    emulator.finishJob(id, 'requires_action');
    expect(await shown()).toMatchObject({
      status: 'requires_action',
      steps: [{ type: 'function_call' }],
    });
    emulator.finishJob(id, 'failed', { errorCode: 8, errorMessage: 'no' });
    expect(await shown()).toMatchObject({
      status: 'failed',
      errors: [{ code: '8', message: 'no' }],
    });
    expect(() => emulator.finishJob(id, 'succeeded')).toThrow('already');
  });

  it('is announced after a cancellation only with cancelledEvents', async () => {
    await using emulator = await GeminiEmulator.start();
    await using own = await startReceiver();
    for (const cancelledEvents of [false, true]) {
      emulator.options.cancelledEvents = cancelledEvents;
      const id = await create(emulator, own.url);
      await call(emulator, 'POST', `${PATH}/${id}/cancel`);
    }
    await emulator.drained();
    expect(own.requests.map(({ event }) => event.type)).toEqual([
      'interaction.cancelled',
    ]);
  });

  it('is never an expiry', async () => {
    await using emulator = await GeminiEmulator.start();
    const id = await create(emulator);
    expect(() => emulator.finishJob(id, 'expired')).toThrow(
      'No interaction ends as expired.',
    );
  });

  it('comes by itself, as a failure if the kind does not support the outcome', async () => {
    await using emulator = await GeminiEmulator.start({
      autoFinishMs: 1000,
      autoFinishOutcome: 'expired',
    });
    await create(emulator);
    emulator.clock.advance(1000);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(emulator.jobs).toMatchObject([{ state: 'FAILED' }]);
  });
});
