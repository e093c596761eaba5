import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { WebhooksApp, type Webhook } from './webhooks-app.js';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

afterEach(() => {
  jest.restoreAllMocks();
});

/** The webhook may appear again, for example if the bridge had the API key of another project for a time. */
describe('a webhook that Gemini does not list any more', () => {
  it('has its deliveries accepted for ten minutes, and answered 503 after that', async () => {
    await using webhooks = await WebhooksApp.start();
    const { id } = await webhooks.register();
    const secrets = webhooks.liveSecrets(id);
    webhooks.gemini.webhooks.delete(id);
    await webhooks.reconcile();
    expect((await webhooks.deliver(secrets)).status).toBe(200);
    jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 11 * MINUTE_MS);
    await webhooks.reconcile();
    expect(await webhooks.deliver(secrets)).toMatchObject({
      status: 503,
      json: { reason: 'secrets-unsettled' },
    });
  });

  it('has its deliveries accepted again when Gemini lists it again', async () => {
    await using webhooks = await WebhooksApp.start();
    const { gemini } = webhooks;
    const { id } = await webhooks.register();
    const webhook = gemini.webhooks.get(id);
    const secrets = webhooks.liveSecrets(id);
    gemini.webhooks.delete(id);
    await webhooks.reconcile();
    jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 11 * MINUTE_MS);
    expect((await webhooks.deliver(secrets)).status).toBe(503);
    jest.spyOn(gemini.webhooks, 'all').mockReturnValue([webhook]);
    await webhooks.reconcile();
    expect((await webhooks.deliver(secrets)).status).toBe(200);
  });

  it('has its secrets forgotten after a week', async () => {
    await using webhooks = await WebhooksApp.start();
    const { id } = await webhooks.register();
    const secrets = webhooks.liveSecrets(id);
    webhooks.gemini.webhooks.delete(id);
    await webhooks.reconcile();
    jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 8 * DAY_MS);
    await webhooks.reconcile();
    expect(webhooks.secrets.document.webhooks).toEqual({});
    expect((await webhooks.deliver(secrets)).status).toBe(401);
  });
});

describe('a list of webhooks with entries that cannot be read', () => {
  it('is shown without these entries', async () => {
    await using webhooks = await WebhooksApp.start();
    const { gemini } = webhooks;
    const { id } = await webhooks.register();
    const list = gemini.webhooks.list.bind(gemini.webhooks);
    jest.spyOn(gemini.webhooks, 'list').mockImplementation((size, token) => {
      const page = list(size, token) as { webhooks: object[] };
      const strange = [{ id: 'x', name: null, uri: 7 }, { id: '../y' }, 'z'];
      return { ...page, webhooks: [...strange, ...page.webhooks] };
    });
    const listed = (await webhooks.call('GET', '')).json as { webhooks: Webhook[] };
    expect(listed.webhooks.map((webhook) => webhook.id)).toEqual([id]);
  });
});
