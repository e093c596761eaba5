import { describe, expect, it } from '@jest/globals';
import { GeminiEmulator } from '../src/emulator.js';
import { submit } from './call.js';
import { startReceiver, statuses } from './receiver.js';

/** A retry after 5 emulated seconds comes after 5 real milliseconds. */
const FAST = { timeScale: 1000 };
const ALL = ['batch.succeeded', 'batch.failed', 'batch.expired'];

async function finishOne(emulator: GeminiEmulator, uris: readonly string[] = []) {
  const name = await submit(emulator, uris);
  const [webhookId = ''] = emulator.finishJob(name, 'succeeded');
  return { name, webhookId };
}

describe('the destination of a delivery', () => {
  it('is the job’s own URIs instead of the static webhooks', async () => {
    await using emulator = await GeminiEmulator.start();
    await using registered = await startReceiver();
    await using own = await startReceiver();
    emulator.webhooks.create({ uri: registered.url, subscribed_events: ALL });
    await finishOne(emulator, [own.url, `${own.url}/second`]);
    await finishOne(emulator);
    await emulator.drained();
    expect(own.requests.map(({ path }) => path).toSorted()).toEqual([
      '/hook',
      '/hook/second',
    ]);
    expect(new Set(own.requests.map(({ id }) => id)).size).toBe(1);
    expect(registered.requests).toHaveLength(1);
  });

  it('has a webhook-id of its own with webhookIdPer: destination', async () => {
    await using emulator = await GeminiEmulator.start({ webhookIdPer: 'destination' });
    await using own = await startReceiver();
    const name = await submit(emulator, [own.url, own.url]);
    expect(emulator.finishJob(name, 'succeeded')).toHaveLength(2);
    await emulator.drained();
    expect(new Set(own.requests.map(({ id }) => id)).size).toBe(2);
  });

  it('is a static webhook only if it is enabled and subscribed', async () => {
    await using emulator = await GeminiEmulator.start();
    await using receiver = await startReceiver();
    const uri = receiver.url;
    emulator.webhooks.create({ uri, subscribed_events: ['batch.failed'] });
    const { id } = emulator.webhooks.create({ uri, subscribed_events: ALL });
    emulator.webhooks.update(String(id), { state: 'disabled' }, undefined);
    expect((await finishOne(emulator)).webhookId).toBe('');
  });

  it('is never another machine, in any spelling of the address', async () => {
    await using emulator = await GeminiEmulator.start();
    const uris = ['http://192.0.2.1/', 'http://[2001:db8::1]/', 'https://0x0a000001/'];
    await finishOne(emulator, uris);
    await emulator.drained();
    expect(emulator.deliveries.map(({ error }) => error)).toEqual(
      uris.map(() => 'NotLoopbackError'),
    );
  });

  it('may be a name that resolves to this machine', async () => {
    await using emulator = await GeminiEmulator.start();
    await using receiver = await startReceiver();
    await finishOne(emulator, [`http://localhost:${receiver.port}/named`]);
    await emulator.waitForDelivery(({ status }) => status === 200);
    expect(receiver.requests[0]?.path).toBe('/named');
  });
});

describe('the attempts of a delivery', () => {
  it('repeat the id and the body with a new signature until 2xx', async () => {
    await using emulator = await GeminiEmulator.start(FAST);
    await using receiver = await startReceiver(statuses(503, 429, 302, 404, 204));
    const { webhookId, name } = await finishOne(emulator, [receiver.url]);
    const last = await emulator.waitForDelivery(({ status }) => status === 204);
    expect(last).toMatchObject({ attempt: 5, webhookId, jobName: name });
    expect(new Set(receiver.requests.map(({ id }) => id))).toEqual(new Set([webhookId]));
    expect(new Set(receiver.requests.map(({ body }) => body)).size).toBe(1);
    expect(emulator.deliveries.map(({ status }) => status)).toEqual([
      503, 429, 302, 404, 204,
    ]);
    expect(emulator.pendingDeliveries).toEqual([]);
  });

  it.each([
    ['fresh', 0],
    ['stale', -3600],
  ] as const)('have %s timestamps', async (timestamps, expectedSeconds) => {
    await using emulator = await GeminiEmulator.start({
      timestamps,
      retry: { firstDelaySeconds: 3600 },
    });
    await using receiver = await startReceiver(statuses(503));
    await finishOne(emulator, [receiver.url]);
    await emulator.waitForDelivery(({ status }) => status === 503);
    emulator.clock.advance(3600_000);
    await emulator.drained();
    const [first, second] = receiver.requests.map(({ timestamp }) => Number(timestamp));
    const difference = Number(second) - Number(first);
    // A busy machine may take seconds between the two
    expect(difference).toBeGreaterThanOrEqual(expectedSeconds);
    expect(difference).toBeLessThan(expectedSeconds + 60);
    expect(receiver.requests[0]?.signature).not.toBe(undefined);
  });

  it('come at growing delays and end after a day', async () => {
    await using emulator = await GeminiEmulator.start({
      retry: { firstDelaySeconds: 3600, factor: 4, maxDelaySeconds: 12 * 3600 },
    });
    await using receiver = await startReceiver((_, response) => {
      response.statusCode = 500;
      response.end();
    });
    await finishOne(emulator, [receiver.url]);
    for (const [index, hours] of [1, 4, 12].entries()) {
      await emulator.waitForDelivery(({ attempt }) => attempt === index + 1);
      emulator.clock.advance(hours * 3600_000);
    }
    await emulator.drained();
    expect(emulator.deliveries).toHaveLength(4);
  });

  it('fail without an answer after attemptTimeoutMs', async () => {
    await using emulator = await GeminiEmulator.start({ attemptTimeoutMs: 20 });
    await using receiver = await startReceiver(() => undefined);
    await finishOne(emulator, [receiver.url]);
    const { status, error } = await emulator.waitForDelivery(() => true);
    expect({ status, error }).toEqual({ status: undefined, error: 'timeout' });
  });

  it('say why there was no answer', async () => {
    await using emulator = await GeminiEmulator.start();
    const gone = await startReceiver();
    await gone[Symbol.asyncDispose]();
    await finishOne(emulator, [gone.url]);
    expect((await emulator.waitForDelivery(() => true)).error).toBe('ECONNREFUSED');
  });

  it('do not follow a redirect', async () => {
    await using emulator = await GeminiEmulator.start();
    await using receiver = await startReceiver((_, response) => {
      response.writeHead(307, { Location: '/elsewhere' });
      response.end();
    });
    await finishOne(emulator, [receiver.url]);
    expect((await emulator.waitForDelivery(() => true)).status).toBe(307);
    expect(receiver.requests).toHaveLength(1);
  });

  it('keep at most 2 KiB of an answer', async () => {
    await using emulator = await GeminiEmulator.start();
    await using receiver = await startReceiver((_, response) => {
      response.end('x'.repeat(100_000));
    });
    await finishOne(emulator, [receiver.url]);
    expect((await emulator.waitForDelivery(() => true)).answer).toHaveLength(2048);
  });
});

describe('more deliveries than one', () => {
  it('come after a 2xx with duplicate', async () => {
    await using emulator = await GeminiEmulator.start({ ...FAST, duplicate: 1 });
    await using receiver = await startReceiver();
    const { webhookId } = await finishOne(emulator, [receiver.url]);
    await emulator.waitForDelivery(({ attempt }) => attempt === 2);
    expect(receiver.requests.map(({ id }) => id)).toEqual([webhookId, webhookId]);
  });

  it('come as twins, which are sent again if one of them fails', async () => {
    await using emulator = await GeminiEmulator.start({ ...FAST, twins: 3 });
    await using receiver = await startReceiver(statuses(200, 200, 503));
    await finishOne(emulator, [receiver.url]);
    await emulator.drained();
    expect(emulator.deliveries.map(({ attempt }) => attempt)).toEqual([1, 1, 1, 2, 2, 2]);
    expect(new Set(receiver.requests.map(({ id }) => id)).size).toBe(1);
  });

  it('come by redeliver', async () => {
    await using emulator = await GeminiEmulator.start();
    await using receiver = await startReceiver();
    const { webhookId } = await finishOne(emulator, [receiver.url]);
    await emulator.drained();
    emulator.redeliver(webhookId);
    await emulator.drained();
    expect(receiver.requests.map(({ id }) => id)).toEqual([webhookId, webhookId]);
    expect(() => emulator.redeliver('msg_unknown')).toThrow('not found');
  });

  it('come newest first with reorder', async () => {
    await using emulator = await GeminiEmulator.start({ reorder: 3, timeScale: 0.01 });
    await using receiver = await startReceiver();
    const ids: string[] = [];
    for (let sent = 0; sent < 3; sent++) {
      ids.unshift((await finishOne(emulator, [receiver.url])).webhookId);
    }
    await emulator.drained();
    expect(receiver.requests.map(({ id }) => id)).toEqual(ids);
  });

  it('come after a second with reorder, also if they are fewer', async () => {
    await using emulator = await GeminiEmulator.start({ ...FAST, reorder: 3 });
    await using receiver = await startReceiver();
    await finishOne(emulator, [receiver.url]);
    await emulator.drained();
    expect(receiver.requests).toHaveLength(1);
  });
});

describe('a webhook that fails', () => {
  it('is disabled, loses its pending deliveries, and works again when it is enabled', async () => {
    await using emulator = await GeminiEmulator.start({
      ...FAST,
      disableAfterFailures: 3,
    });
    let status = 500;
    await using receiver = await startReceiver((_, response) => {
      response.statusCode = status;
      response.end();
    });
    const created = emulator.webhooks.create({
      uri: receiver.url,
      subscribed_events: ALL,
    });
    const webhook = emulator.webhooks.get(String(created['id']));
    await finishOne(emulator);
    await emulator.drained();
    expect(webhook.state).toBe('disabled_due_to_failed_deliveries');
    expect(receiver.requests).toHaveLength(3);
    expect((await finishOne(emulator)).webhookId).toBe('');

    status = 200;
    emulator.webhooks.update(webhook.id, { state: 'enabled' }, undefined);
    await finishOne(emulator);
    await emulator.drained();
    expect(receiver.requests).toHaveLength(4);
  });
});

describe('the end of the emulator', () => {
  it('ends attempts under way and pending calls of waitForDelivery', async () => {
    const emulator = await GeminiEmulator.start({ concurrency: 1 });
    await using receiver = await startReceiver(() => undefined);
    await finishOne(emulator, [receiver.url, receiver.url]);
    const waiting = emulator.waitForDelivery(() => true);
    const rejected = expect(waiting).rejects.toThrow('stopped');
    await emulator.stop();
    await rejected;
    expect(emulator.deliveries).toEqual([]);
  });

  it('has waitForDelivery say which attempts there were', async () => {
    await using emulator = await GeminiEmulator.start();
    await expect(emulator.waitForDelivery(() => true, 5)).rejects.toThrow('0 attempts');
  });
});
