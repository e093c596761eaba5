import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { DECLARED, WebhooksApp } from './webhooks-app.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

afterEach(() => {
  jest.restoreAllMocks();
});

describe('a secret older than ROTATE_EVERY_DAYS', () => {
  it('is rotated, and stays valid beside the new one', async () => {
    await using webhooks = await WebhooksApp.start({
      ...DECLARED,
      ROTATE_EVERY_DAYS: '30',
    });
    const { secrets } = webhooks.declaredOne;
    const [old = ''] = secrets.live();
    const now = Date.now();
    jest.spyOn(Date, 'now').mockReturnValue(now + 29 * DAY_MS);
    await webhooks.reconcile();
    expect(secrets.live()).toEqual([old]);
    jest.spyOn(Date, 'now').mockReturnValue(now + 31 * DAY_MS);
    await webhooks.reconcile();
    jest.restoreAllMocks();
    expect(secrets.live()).toHaveLength(2);
    expect((await webhooks.deliver([old])).status).toBe(200);
  });
});

describe('two days of hourly deliveries on a fast clock', () => {
  it('are all verified while the secret is rotated twice and the first secret expires', async () => {
    await using webhooks = await WebhooksApp.start();
    const { app, gemini } = webhooks;
    const { id } = await webhooks.register(`${app.url}/webhooks/gemini`);
    const rotate = async () => (await webhooks.call('POST', `/${id}/rotate`)).status;
    const start = Date.now();
    const statuses: (number | undefined)[] = [];
    const liveAt: number[] = [];
    const rotated: string[] = [];
    for (let hour = 0; hour < 48; hour++) {
      jest.spyOn(Date, 'now').mockReturnValue(start + hour * HOUR_MS + 1000);
      if (hour === 1 || hour === 26) {
        rotated.push(webhooks.liveSecrets(id)[0] as string);
        expect(await rotate()).toBe(200);
      }
      if (hour === 13) expect(await rotate()).toBe(409);
      liveAt.push(webhooks.liveSecrets(id).length);
      const [webhookId] = gemini.emit('batch.succeeded', { id: `batches/${hour}` });
      const attempt = await gemini.waitForDelivery(
        (each) => each.webhookId === webhookId,
      );
      statuses.push(attempt.status);
      gemini.clock.advance(HOUR_MS);
    }
    expect(statuses).toEqual(Array.from({ length: 48 }, () => 200));
    expect([0, 1, 24, 25, 26, 47].map((hour) => liveAt[hour])).toEqual([
      1, 2, 2, 1, 2, 2,
    ]);
    const [first = '', second = ''] = rotated;
    expect((await webhooks.deliver([first])).status).toBe(401);
    expect((await webhooks.deliver([second])).status).toBe(200);
  });
});
