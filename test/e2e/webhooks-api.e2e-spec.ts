import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '../../packages/testbed/src/until.js';
import { startEmulatedApp } from '../support/emulated-app.js';
import { ask, post, signedV1 } from '../support/sender.js';
import { WebhooksApp, type Webhook } from './webhooks-app.js';

const BATCH = {
  batch: { inputConfig: { requests: { requests: [{ request: { contents: [{}] } }] } } },
};
const AT_ONCE = { revocationBehavior: 'revoke_previous_secrets_immediately' };

describe('/v1/webhooks', () => {
  let webhooks: WebhooksApp;

  beforeAll(async () => {
    webhooks = await WebhooksApp.start();
  });

  afterAll(() => webhooks[Symbol.asyncDispose]());

  beforeEach(() => webhooks.app.publisher.reset());

  it('registers a webhook, verifies its deliveries from then on, and never shows its secret', async () => {
    const { app, gemini } = webhooks;
    const uri = `${app.url}/webhooks/gemini`;
    const answer = await webhooks.call('POST', '', { name: 'main', uri });
    const webhook = answer.json as Webhook;
    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toBe(`/v1/webhooks/${webhook.id}`);
    expect(webhook).toEqual({
      id: webhook.id,
      name: 'main',
      uri,
      subscribedEvents: expect.arrayContaining(['batch.succeeded', 'video.generated']),
      state: 'enabled',
      secrets: [
        {
          truncated: expect.stringMatching(/^whsec_\.\.\..{4}$/),
          keyId: expect.stringMatching(/^[0-9a-f]{8}$/),
        },
      ],
    });
    const [secret = ''] = webhooks.liveSecrets(webhook.id);
    expect(answer.text).not.toContain(secret.slice(6));
    const { name } = await gemini.createJob('batch', BATCH, 'gemini-flash');
    gemini.finishJob(name, 'succeeded');
    await gemini.drained();
    expect(app.publisher.records).toMatchObject([
      {
        topic: 'gemini.batch.succeeded',
        headers: { 'bridge-key-id': webhook.secrets[0]?.['keyId'] },
      },
    ]);
    const shown = (await webhooks.call('GET', `/${webhook.id}`)).json as Webhook;
    expect(shown).toEqual(webhook);
  });

  it('refuses a second webhook at the same URI', async () => {
    const uri = 'https://bridge.example/twice';
    const { id } = await webhooks.register(uri);
    expect(await webhooks.call('POST', '', { uri })).toMatchObject({
      status: 409,
      json: { code: 'webhook-exists', id },
    });
  });

  it('lists webhooks page by page', async () => {
    const registered = [await webhooks.register(), await webhooks.register()];
    const ids: string[] = [];
    for (let cursor: string | undefined = ''; cursor !== undefined;) {
      const query: string = cursor === '' ? '?limit=1' : `?limit=1&cursor=${cursor}`;
      const page = (await webhooks.call('GET', query)).json as {
        webhooks: Webhook[];
        nextCursor?: string;
      };
      ids.push(...page.webhooks.map(({ id }) => id));
      cursor = page.nextCursor;
    }
    expect(ids).toEqual(webhooks.gemini.webhooks.all().map(({ id }) => id));
    expect(ids).toEqual(expect.arrayContaining(registered.map(({ id }) => id)));
  });

  it('changes and pings a webhook', async () => {
    const { id } = await webhooks.register();
    expect(await webhooks.call('PATCH', `/${id}`, { state: 'disabled' })).toMatchObject({
      status: 200,
      json: { id, state: 'disabled' },
    });
    expect((await webhooks.call('POST', `/${id}/ping`)).status).toBe(202);
  });

  it('deletes a webhook, and still accepts the deliveries that were under way', async () => {
    const { id } = await webhooks.register();
    const secrets = webhooks.liveSecrets(id);
    expect((await webhooks.call('DELETE', `/${id}`)).status).toBe(204);
    expect(await webhooks.call('GET', `/${id}`)).toMatchObject({
      status: 404,
      json: { code: 'webhook-not-found' },
    });
    expect((await webhooks.deliver(secrets)).status).toBe(200);
  });

  it('names the events that are in Google’s guide but that its API refuses', async () => {
    const uri = 'https://bridge.example/cancelled';
    const subscribedEvents = ['batch.succeeded', 'batch.cancelled'];
    const answer = await webhooks.call('POST', '', { uri, subscribedEvents });
    expect(answer).toMatchObject({ status: 422, json: { code: 'gemini-refused' } });
    expect((answer.json as { detail: string }).detail).toMatch(
      /guide names batch\.cancelled/,
    );
    expect(webhooks.secrets.document.unsettled).toEqual([]);
  });

  it.each<[string, string, object | undefined, number, string]>([
    ['POST', '', {}, 422, 'invalid-body'],
    ['POST', '', { uri: 'ftp://x' }, 422, 'invalid-body'],
    ['POST', '', { uri: 'https://x', secret: 'x' }, 422, 'invalid-body'],
    ['GET', '?limit=0', undefined, 400, 'invalid-query'],
    ['GET', '/..%2Fbatches', undefined, 404, 'webhook-not-found'],
    ['GET', '/unknown', undefined, 404, 'webhook-not-found'],
    ['PATCH', '/unknown', { state: 'enabled' }, 404, 'webhook-not-found'],
    ['PATCH', '/unknown', {}, 422, 'invalid-body'],
    ['POST', '/unknown/rotate', { force: 'yes' }, 422, 'invalid-body'],
  ])('answers %s %s %j with %i %s', async (method, path, body, status, code) => {
    expect(await webhooks.call(method, path, body)).toMatchObject({
      status,
      json: { code },
    });
  });

  it('rotates a secret: the old one stays valid, and a second rotation needs force', async () => {
    const { id } = await webhooks.register();
    const [old = ''] = webhooks.liveSecrets(id);
    const rotated = await webhooks.call('POST', `/${id}/rotate`);
    expect(rotated.status).toBe(200);
    const { secrets } = rotated.json as Webhook;
    expect(secrets.map(({ expiresAt }) => expiresAt !== undefined)).toEqual([
      false,
      true,
    ]);
    expect(secrets.every(({ keyId }) => keyId !== undefined)).toBe(true);
    const [fresh = ''] = webhooks.liveSecrets(id);
    for (const secret of [old, fresh]) {
      expect((await webhooks.deliver([secret])).status).toBe(200);
    }
    const again = await webhooks.call('POST', `/${id}/rotate`);
    expect(again).toMatchObject({ status: 409, json: { code: 'rotation-under-way' } });
    expect(Number(again.headers.get('retry-after'))).toBeGreaterThan(86_000);
    const forced = await webhooks.call('POST', `/${id}/rotate`, { force: true });
    expect(forced.status).toBe(200);
  });

  it('refuses the old secret after a rotation that revokes at once', async () => {
    const { id } = await webhooks.register();
    const [old = ''] = webhooks.liveSecrets(id);
    await webhooks.call('POST', `/${id}/rotate`, AT_ONCE);
    const [fresh = ''] = webhooks.liveSecrets(id);
    expect((await webhooks.deliver([fresh])).status).toBe(200);
    expect(await webhooks.deliver([old])).toMatchObject({
      status: 401,
      json: { reason: 'signature-mismatch' },
    });
  });

  it('recovers a rotation without an answer from Gemini, and answers 503 and not 401 meanwhile', async () => {
    const { app, gemini } = webhooks;
    const { id } = await webhooks.register();
    gemini.fault('webhooks.rotateSigningSecret', { kind: 'accept-then-status' });
    const answer = await webhooks.call('POST', `/${id}/rotate`, AT_ONCE);
    expect(answer.status).toBe(503);
    const signed = signedV1({}, webhooks.liveSecrets(id));
    const refused = await post(`${app.url}/webhooks/gemini`, signed);
    expect(refused).toMatchObject({ status: 503, json: { reason: 'secrets-unsettled' } });
    await until(
      'the end of the pending rotation',
      () => webhooks.secrets.document.unsettled.length === 0,
    );
    expect((await webhooks.deliver(webhooks.liveSecrets(id))).status).toBe(200);
  }, 20_000);

  it('writes no secret in the clear into VAULT_FILE', async () => {
    const { id } = await webhooks.register();
    await webhooks.call('POST', `/${id}/rotate`);
    const secrets = webhooks.liveSecrets(id);
    expect(secrets).toHaveLength(2);
    for (const secret of secrets) {
      expect(webhooks.vaultText).not.toContain(secret.slice(6, -1));
    }
  });
});

describe('/v1/webhooks without VAULT_KEYS_FILE', () => {
  it('lists webhooks, and refuses operations that need a vault', async () => {
    await using world = await startEmulatedApp();
    const url = `${world.app.internalUrl}/v1/webhooks`;
    const answer = await ask(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ uri: 'https://bridge.example/x' }),
    });
    expect(answer).toMatchObject({ status: 503, json: { code: 'vault-not-configured' } });
    expect((answer.json as { detail: string }).detail).toMatch(/VAULT_KEYS_FILE/);
    expect((await ask(url)).status).toBe(200);
  });
});
