import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import type { GeminiEmulator } from '../../packages/gemini-emulator/src/emulator.js';
import { JobRegistry } from '../../src/jobs/job-registry.js';
import { SigningSecrets } from '../../src/signing-secrets/signing-secrets.js';
import { WebhookReconciler } from '../../src/webhooks/webhook.reconciler.js';
import type { TestApp } from '../support/app.js';
import { startEmulatedApp, type EmulatedApp } from '../support/emulated-app.js';
import { knownJob } from '../support/jobs.js';
import { ask, post, signedV1 } from '../support/sender.js';
import { temporaryFile, type TemporaryFile } from '../support/temporary-file.js';

const URI = 'https://bridge.example/webhooks/gemini';
const NAME = 'main [gemini-kafka-bridge/bridge.example]';
const DECLARED = '[{"name": "main", "events": ["batch.succeeded", "batch.failed"]}]';

let keys: TemporaryFile;
let folder: string;
let world: EmulatedApp;
let gemini: GeminiEmulator;
let app: TestApp;

beforeAll(() => {
  keys = temporaryFile(`k1:${randomBytes(32).toString('base64url')}`);
});

afterAll(() => keys[Symbol.dispose]());

/** In a suite of its own: with a vault in a file. */
function withApp(env: Record<string, string> = {}): void {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bridge-webhooks-'));
    world = await startEmulatedApp({
      VAULT_KEYS_FILE: keys.path,
      VAULT_FILE: join(folder, 'vault'),
      ...env,
    });
    ({ app, gemini } = world);
    if (env['WEBHOOKS']) await firstRound();
  });

  afterAll(async () => {
    await world[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  beforeEach(() => app.publisher.reset());
}

/** The keeper begins a round when the application starts; a test's own rounds come after its end. */
async function firstRound(): Promise<void> {
  const vault = app.get(SigningSecrets);
  while (!vault.document.seen) await new Promise((resolve) => setTimeout(resolve, 20));
}

interface Webhook {
  readonly id: string;
  readonly state: string;
  readonly secrets: readonly Readonly<Record<string, string>>[];
}

const call = (method: string, path: string, body?: object) =>
  ask(`${app.internalUrl}/v1/webhooks${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });

async function created(uri = `https://bridge.example/${randomBytes(4).toString('hex')}`) {
  const answer = await call('POST', '', { name: 'test', uri });
  expect(answer.status).toBe(201);
  return answer.json as Webhook;
}

const liveSecrets = (id: string) => gemini.webhooks.get(id).secrets.live();

const deliver = (secrets: string[]) =>
  post(`${app.url}/webhooks/gemini`, signedV1({}, secrets));

describe('/v1/webhooks', () => {
  withApp();

  it('registers a webhook whose deliveries are verified from then on, and shows no secret', async () => {
    const uri = `${app.url}/webhooks/gemini`;
    const answer = await call('POST', '', { name: 'main', uri });
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
    const [secret = ''] = liveSecrets(webhook.id);
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
    const shown = (await call('GET', `/${webhook.id}`)).json as Webhook;
    expect(shown).toEqual(webhook);
  });

  it('does not register a second one at the same place', async () => {
    const { id } = await created('https://bridge.example/twice');
    expect(await call('POST', '', { uri: 'https://bridge.example/twice' })).toMatchObject(
      {
        status: 409,
        json: { code: 'webhook-exists', id },
      },
    );
  });

  it('lists, changes, pings and deletes', async () => {
    const { id } = await created();
    const first = (await call('GET', '?limit=1')).json as { nextCursor: string };
    const rest = (await call('GET', `?cursor=${first.nextCursor}`)).json as {
      webhooks: Webhook[];
    };
    expect(rest.webhooks.map((webhook) => webhook.id)).toContain(id);
    expect(await call('PATCH', `/${id}`, { state: 'disabled' })).toMatchObject({
      status: 200,
      json: { id, state: 'disabled' },
    });
    expect((await call('POST', `/${id}/ping`)).status).toBe(202);
    const [secret = ''] = liveSecrets(id);
    expect((await call('DELETE', `/${id}`)).status).toBe(204);
    expect(await call('GET', `/${id}`)).toMatchObject({
      status: 404,
      json: { code: 'webhook-not-found' },
    });
    // What was on its way
    expect((await deliver([secret])).status).toBe(200);
  });

  it('explains the events that Google’s guide names and its API refuses', async () => {
    const uri = 'https://bridge.example/cancelled';
    const subscribedEvents = ['batch.succeeded', 'batch.cancelled'];
    const answer = await call('POST', '', { uri, subscribedEvents });
    expect(answer).toMatchObject({ status: 422, json: { code: 'gemini-refused' } });
    expect((answer.json as { detail: string }).detail).toMatch(
      /guide names batch\.cancelled/,
    );
    expect(app.get(SigningSecrets).document.unsettled).toEqual([]);
  });

  it.each<[string, string, object | undefined, number, string]>([
    ['POST', '', {}, 422, 'invalid-body'],
    ['POST', '', { uri: 'ftp://x' }, 422, 'invalid-body'],
    ['POST', '', { uri: 'https://x', secret: 'x' }, 422, 'invalid-body'],
    ['GET', '?limit=0', undefined, 400, 'invalid-query'],
    ['GET', '/..%2Fbatches', undefined, 404, 'webhook-not-found'],
    ['GET', '/nobody', undefined, 404, 'webhook-not-found'],
    ['PATCH', '/nobody', { state: 'enabled' }, 404, 'webhook-not-found'],
    ['PATCH', '/nobody', {}, 422, 'invalid-body'],
    ['POST', '/nobody/rotate', { force: 'yes' }, 422, 'invalid-body'],
  ])('answers %s %s %j with %i %s', async (method, path, body, status, code) => {
    expect(await call(method, path, body)).toMatchObject({ status, json: { code } });
  });

  it('rotates: both secrets are good for a day, and no third comes meanwhile', async () => {
    const { id } = await created();
    const [old = ''] = liveSecrets(id);
    const rotated = await call('POST', `/${id}/rotate`);
    expect(rotated.status).toBe(200);
    const { secrets } = rotated.json as Webhook;
    expect(secrets.map(({ expiresAt }) => expiresAt !== undefined)).toEqual([
      false,
      true,
    ]);
    expect(secrets.every(({ keyId }) => keyId !== undefined)).toBe(true);
    const [fresh = ''] = liveSecrets(id);
    for (const secret of [old, fresh]) expect((await deliver([secret])).status).toBe(200);
    const again = await call('POST', `/${id}/rotate`);
    expect(again).toMatchObject({ status: 409, json: { code: 'rotation-under-way' } });
    expect(Number(again.headers.get('retry-after'))).toBeGreaterThan(86_000);
    expect((await call('POST', `/${id}/rotate`, { force: true })).status).toBe(200);
  });

  it('rotates at once: what the old secret signs is refused', async () => {
    const { id } = await created();
    const [old = ''] = liveSecrets(id);
    const revocationBehavior = 'revoke_previous_secrets_immediately';
    await call('POST', `/${id}/rotate`, { revocationBehavior });
    const [fresh = ''] = liveSecrets(id);
    expect((await deliver([fresh])).status).toBe(200);
    expect(await deliver([old])).toMatchObject({
      status: 401,
      json: { reason: 'signature-mismatch' },
    });
  });

  it('settles a rotation that Gemini did and did not answer; nothing is refused meanwhile', async () => {
    const { id } = await created();
    gemini.fault('webhooks.rotateSigningSecret', { kind: 'accept-then-status' });
    const revocationBehavior = 'revoke_previous_secrets_immediately';
    const answer = await call('POST', `/${id}/rotate`, { revocationBehavior });
    expect(answer.status).toBe(503);
    const signed = signedV1({}, liveSecrets(id));
    const refused = await post(`${app.url}/webhooks/gemini`, signed);
    expect(refused).toMatchObject({ status: 503, json: { reason: 'secrets-unsettled' } });
    const vault = app.get(SigningSecrets);
    while (vault.document.unsettled.length > 0)
      await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await deliver(liveSecrets(id))).status).toBe(200);
  }, 20_000);

  it('has nothing in its file that helps without the key', () => {
    const text = readFileSync(join(folder, 'vault'), 'utf8');
    for (const webhook of gemini.webhooks.all()) {
      for (const secret of webhook.secrets.live()) {
        expect(text).not.toContain(secret.slice(6, -1));
      }
    }
  });
});

const BATCH = {
  batch: { inputConfig: { requests: { requests: [{ request: { contents: [{}] } }] } } },
};

/** The next round is due at once, whatever was observed before. */
const forgetLastRound = () =>
  app.get(SigningSecrets).updateDocument((document) => {
    const { seen: _, round: __, ...rest } = document;
    return rest;
  });

const round = async () => {
  await forgetLastRound();
  await app.get(WebhookReconciler).reconcile();
};

const own = () => gemini.webhooks.all().filter(({ name }) => name === NAME);

async function readiness(): Promise<Record<string, string>> {
  return (await ask(`${app.internalUrl}/health/ready`)).json as Record<string, string>;
}

const metric = async (pattern: RegExp) =>
  pattern.exec((await ask(`${app.internalUrl}/metrics`)).text)?.[1];

describe('a declared webhook', () => {
  withApp({ WEBHOOKS: DECLARED, WEBHOOKS_INTERVAL_SECONDS: '3600' });

  it('is registered at the start, with its secret', async () => {
    await round();
    expect(own()).toMatchObject([
      {
        uri: URI,
        subscribedEvents: ['batch.succeeded', 'batch.failed'],
        state: 'enabled',
      },
    ]);
    expect((await deliver(own()[0]!.secrets.live())).status).toBe(200);
    expect(await metric(/webhook_state\{webhook="main",state="enabled"\} (\d)/)).toBe(
      '1',
    );
    expect(await metric(/webhook_drift\{webhook="main"\} (\d)/)).toBe('0');
  });

  it('is compared once at a time: a second round of the process waits for the first', async () => {
    await forgetLastRound();
    const list = jest.spyOn(gemini.webhooks, 'list');
    for (const { id } of own()) gemini.webhooks.delete(id);
    const keeper = app.get(WebhookReconciler);
    await Promise.all([keeper.reconcile(), keeper.reconcile(), keeper.reconcile()]);
    expect(own()).toHaveLength(1);
    // One before the webhook is made anew, one after
    expect(list).toHaveBeenCalledTimes(2);
    jest.restoreAllMocks();
  });

  it('that is deleted, edited or disabled is mended', async () => {
    const [webhook] = own();
    gemini.webhooks.delete(webhook!.id);
    await round();
    const [anew] = own();
    expect(anew?.id).not.toBe(webhook?.id);
    expect((await deliver(anew!.secrets.live())).status).toBe(200);
    gemini.webhooks.update(
      anew!.id,
      {
        uri: 'https://evil.example/',
        subscribed_events: ['video.generated'],
        state: 'disabled',
      },
      undefined,
    );
    await round();
    expect(own()).toMatchObject([
      {
        uri: URI,
        subscribedEvents: ['batch.succeeded', 'batch.failed'],
        state: 'enabled',
      },
    ]);
  });

  it('whose secret was rotated by somebody else is rotated once more', async () => {
    const [webhook] = own();
    gemini.webhooks.rotate(webhook!.id, undefined);
    await round();
    const [newest = ''] = webhook!.secrets.live();
    expect((await deliver([newest])).status).toBe(200);
  });

  it('is nobody else’s: theirs are not touched, even at the same place', async () => {
    const other = gemini.webhooks.create({
      name: 'main [gemini-kafka-bridge/other.example]',
      uri: 'https://other.example/webhooks/gemini',
      subscribed_events: ['batch.failed'],
    });
    const before = JSON.stringify(
      gemini.webhooks.shown(gemini.webhooks.get(String(other['id']))),
    );
    await round();
    const after = JSON.stringify(
      gemini.webhooks.shown(gemini.webhooks.get(String(other['id']))),
    );
    expect(after).toBe(before);
    gemini.webhooks.delete(own()[0]!.id);
    const taken = gemini.webhooks.create({
      name: 'by hand',
      uri: URI,
      subscribed_events: ['batch.failed'],
    });
    await round();
    expect(own()).toEqual([]);
    expect((await readiness())['webhook main']).toMatch(/by hand.*same place/);
    gemini.webhooks.delete(String(taken['id']));
    await round();
    expect(own()).toHaveLength(1);
    expect(await readiness()).not.toHaveProperty('webhook main');
  });

  it('that Gemini has disabled is enabled again, ever more rarely, and jobs are looked at', async () => {
    const job = knownJob({ announcedBy: 'static', dueAt: Date.now() + 3_600_000 });
    const registry = app.get(JobRegistry);
    await registry.add(job);
    const [webhook] = own();
    webhook!.state = 'disabled_due_to_failed_deliveries';
    await round();
    expect(webhook!.state).toBe('enabled');
    expect(await registry.findDue('look', Date.now(), 1)).toHaveLength(1);
    webhook!.state = 'disabled_due_to_failed_deliveries';
    await round();
    expect(webhook!.state).toBe('disabled_due_to_failed_deliveries');
    expect((await readiness())['webhook main']).toMatch(
      /disabled_due_to_failed_deliveries/,
    );
    expect(await metric(/webhook_drift\{webhook="main"\} (\d)/)).toBe('1');
    jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 3 * 3_600_000);
    await round();
    jest.restoreAllMocks();
    expect(webhook!.state).toBe('enabled');
  });
});

describe('a declared webhook with which something is wrong', () => {
  withApp({ WEBHOOKS: DECLARED, WEBHOOKS_INTERVAL_SECONDS: '3600' });

  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('is not rotated at each round, whoever else rotates it', async () => {
    const [webhook] = own();
    let rotations = 0;
    const rotate = webhook!.secrets.rotate.bind(webhook!.secrets);
    webhook!.secrets.rotate = (behavior) => {
      rotations++;
      return rotate(behavior);
    };
    const start = Date.now();
    for (let hour = 0; hour < 24; hour++) {
      jest.spyOn(Date, 'now').mockReturnValue(start + hour * 3_600_000);
      rotate('revoke_previous_secrets_after_h24');
      await round();
    }
    expect(rotations).toBeGreaterThan(2);
    expect(rotations).toBeLessThan(6);
    expect((await readiness())['webhook main']).toMatch(
      /signed with a secret that the vault/,
    );
  });

  it('is not registered twice when Gemini’s list lags behind', async () => {
    const [webhook] = own();
    jest.spyOn(gemini.webhooks, 'list').mockReturnValue({});
    for (let n = 0; n < 3; n++) await round();
    expect(own()).toEqual([webhook]);
    expect(await call('POST', '', { uri: URI })).toMatchObject({
      status: 409,
      json: { code: 'webhook-exists', id: webhook!.id },
    });
  });

  it('is mended as far as Gemini lets it be', async () => {
    const [webhook] = own();
    gemini.webhooks.rotate(webhook!.id, undefined);
    gemini.webhooks.update(
      webhook!.id,
      { state: 'disabled', uri: 'https://x/' },
      undefined,
    );
    gemini.fault('webhooks.update', { kind: 'status', status: 403 });
    jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 5 * 86_400_000);
    await round();
    const live = webhook!.secrets.live();
    expect((await deliver([live[0]!])).status).toBe(200);
    await round();
    expect(own()).toMatchObject([{ state: 'enabled', uri: URI }]);
  });

  it('is enabled so many times in all, while it does not get well', async () => {
    const [webhook] = own();
    const start = Date.now() + 48 * 3_600_000;
    let revivals = 0;
    for (let hour = 0; hour < 24 * 14; hour += 4) {
      jest.spyOn(Date, 'now').mockReturnValue(start + hour * 3_600_000);
      webhook!.state = 'disabled_due_to_failed_deliveries';
      await round();
      if (gemini.webhooks.get(webhook!.id).state === 'enabled') revivals++;
    }
    expect(revivals).toBe(5);
  });
});

describe('a webhook that is gone at Gemini', () => {
  withApp();

  it('may be so by mistake: what it signs is not refused, and it can come back', async () => {
    const { id } = await created();
    const secrets = liveSecrets(id);
    const [webhook] = gemini.webhooks.all();
    gemini.webhooks.delete(id);
    await round();
    expect((await deliver(secrets)).status).toBe(200);
    const now = Date.now();
    jest.spyOn(Date, 'now').mockReturnValue(now + 11 * 60_000);
    await round();
    expect(await deliver(secrets)).toMatchObject({
      status: 503,
      json: { reason: 'secrets-unsettled' },
    });
    jest.spyOn(gemini.webhooks, 'all').mockReturnValue([webhook!]);
    await round();
    expect((await deliver(secrets)).status).toBe(200);
    jest.restoreAllMocks();
    await round();
    jest.spyOn(Date, 'now').mockReturnValue(now + 8 * 86_400_000);
    await round();
    expect(app.get(SigningSecrets).document.webhooks).toEqual({});
    expect((await deliver(secrets)).status).toBe(401);
    jest.restoreAllMocks();
  });

  it('and whose like cannot be read does not hold up the others', async () => {
    const { id } = await created();
    const list = gemini.webhooks.list.bind(gemini.webhooks);
    jest.spyOn(gemini.webhooks, 'list').mockImplementation((size, token) => {
      const page = list(size, token) as { webhooks: object[] };
      const strange = [{ id: 'x', name: null, uri: 7 }, { id: '../y' }, 'z'];
      return { ...page, webhooks: [...strange, ...page.webhooks] };
    });
    const listed = (await call('GET', '')).json as { webhooks: Webhook[] };
    expect(listed.webhooks.map((webhook) => webhook.id)).toEqual([id]);
    jest.restoreAllMocks();
  });
});

describe('a declared webhook that is only reported', () => {
  withApp({
    WEBHOOKS: DECLARED,
    WEBHOOKS_MODE: 'report',
    WEBHOOKS_INTERVAL_SECONDS: '3600',
  });

  it('is not registered, and what is wrong is said', async () => {
    await round();
    expect(own()).toEqual([]);
    expect((await readiness())['webhook main']).toBe('is not there');
    gemini.webhooks.create({
      name: NAME,
      uri: 'https://x',
      subscribed_events: ['batch.failed'],
    });
    await round();
    expect((await readiness())['webhook main']).toMatch(
      /delivers to https:\/\/x; has batch.failed; is signed with a secret/,
    );
    expect(await metric(/webhook_drift\{webhook="main"\} (\d)/)).toBe('3');
  });
});

describe('a secret that is old', () => {
  withApp({
    WEBHOOKS: DECLARED,
    WEBHOOKS_INTERVAL_SECONDS: '3600',
    ROTATE_EVERY_DAYS: '30',
  });

  it('is rotated, and the one before it is good for a day more', async () => {
    await round();
    const [webhook] = own();
    const [old = ''] = webhook!.secrets.live();
    const now = Date.now();
    jest.spyOn(Date, 'now').mockReturnValue(now + 29 * 86_400_000);
    await round();
    expect(webhook!.secrets.live()).toEqual([old]);
    jest.spyOn(Date, 'now').mockReturnValue(now + 31 * 86_400_000);
    await round();
    jest.restoreAllMocks();
    expect(webhook!.secrets.live()).toHaveLength(2);
    expect((await deliver([old])).status).toBe(200);
  });
});

describe('two days of deliveries, on a fast clock', () => {
  withApp();

  it('are all verified, while secrets are rotated and old ones die', async () => {
    const uri = `${app.url}/webhooks/gemini`;
    const { id } = (await call('POST', '', { name: 'main', uri })).json as Webhook;
    const start = Date.now();
    const statuses: number[] = [];
    const secretsAt = new Map<number, number>();
    const olds: string[] = [];
    for (let hour = 0; hour < 48; hour++) {
      jest.spyOn(Date, 'now').mockReturnValue(start + hour * 3_600_000 + 1000);
      if (hour === 1 || hour === 26) {
        olds.push(liveSecrets(id)[0] as string);
        expect((await call('POST', `/${id}/rotate`)).status).toBe(200);
      }
      if (hour === 13) expect((await call('POST', `/${id}/rotate`)).status).toBe(409);
      secretsAt.set(hour, liveSecrets(id).length);
      const [webhookId] = gemini.emit('batch.succeeded', { id: `batches/${hour}` });
      const attempt = await gemini.waitForDelivery(
        (each) => each.webhookId === webhookId,
      );
      statuses.push(attempt.status ?? 0);
      gemini.clock.advance(3_600_000);
    }
    expect(statuses).toEqual(Array.from({ length: 48 }, () => 200));
    expect([0, 1, 24, 25, 26, 47].map((hour) => secretsAt.get(hour))).toEqual([
      1, 2, 2, 1, 2, 2,
    ]);
    const [first = '', second = ''] = olds;
    expect((await deliver([first])).status).toBe(401);
    expect((await deliver([second])).status).toBe(200);
    jest.restoreAllMocks();
  });
});

describe('a vault whose key is replaced', () => {
  withApp({ WEBHOOKS: DECLARED, WEBHOOKS_INTERVAL_SECONDS: '3600' });

  it('is sealed anew with the new one, and the old one can go', async () => {
    const vault = app.get(SigningSecrets);
    const old = readFileSync(keys.path, 'utf8');
    const fresh = `k2:${randomBytes(32).toString('base64url')}`;
    const sealed = () => vault.document.webhooks[own()[0]!.id]?.secrets[0]?.sealed;
    const before = sealed();
    keys.write(`${fresh}\n${old}`);
    while (sealed() === before) {
      await round();
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    keys.write(fresh);
    await new Promise((resolve) => setTimeout(resolve, 4000)); // the file is read every 2 s
    expect(vault.troubles).toEqual([]);
    expect((await deliver(own()[0]!.secrets.live())).status).toBe(200);
    keys.write(old);
    while (vault.troubles.length === 0)
      await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await readiness()).toMatchObject({
      status: expect.any(String),
      vault: expect.stringMatching(/sealed with the key k2, which VAULT_KEYS_FILE/),
    });
    expect((await deliver(own()[0]!.secrets.live())).status).not.toBe(401);
  }, 30_000);
});

describe('without a vault', () => {
  beforeAll(async () => {
    world = await startEmulatedApp();
    ({ app, gemini } = world);
  });

  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  it('nothing that has a secret can be done, and the answer says what is missing', async () => {
    const answer = await call('POST', '', { uri: 'https://bridge.example/x' });
    expect(answer).toMatchObject({ status: 503, json: { code: 'vault-not-configured' } });
    expect((answer.json as { detail: string }).detail).toMatch(/VAULT_KEYS_FILE/);
    expect((await call('GET', '')).status).toBe(200);
  });
});
