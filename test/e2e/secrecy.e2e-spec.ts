import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { GoogleKeys } from '../../packages/gemini-emulator/src/deliveries/signing.js';
import { JobRegistry } from '../../src/jobs/job-registry.js';
import { SigningSecrets } from '../../src/signing-secrets/signing-secrets.js';
import { startApp } from '../support/app.js';
import { startEmulatedApp } from '../support/emulated-app.js';
import { InterruptibleJobRegistry } from '../support/interruptible.job-registry.js';
import { knownJob } from '../support/jobs.js';
import { json, LoopbackServer, text } from '../support/loopback-server.js';
import {
  ask,
  claimsNow,
  eventBody,
  newId,
  nowSeconds,
  OTHER_SECRET,
  post,
  SECRET,
  signedToken,
  signedV1,
  signedV1a,
  type Answer,
  type Signed,
} from '../support/sender.js';
import { temporaryFile } from '../support/temporary-file.js';
import { until } from '../../packages/testbed/src/until.js';

const KEYS = GoogleKeys.create();
const API_TOKEN = 'a-token-for-the-api-of-ours';
const API_KEY = 'a-key-for-gemini-of-ours';
const MARK = 'pay-load-mark';
const BODY = eventBody('batch.succeeded', { id: 'batches/1', text: MARK });
const REASONS = [
  'signature-mismatch',
  'timestamp-stale',
  'header-malformed',
  'capability-invalid',
  'token-audience',
  'token-expired',
  'gemini-unavailable',
  'kafka-unavailable',
  'internal',
];
const STATUSES = [200, 400, 401, 404, 405, 413, 431, 503];

afterEach(() => {
  jest.restoreAllMocks();
});

/** @returns a function that advances the time by a second, because the log has a limit of lines a second */
function secondsPass(): () => void {
  const now = performance.now.bind(performance);
  let skipped = 0;
  jest.spyOn(performance, 'now').mockImplementation(() => now() + skipped);
  return () => {
    skipped += 1000;
  };
}

describe('no line of the log, no answer and no metric', () => {
  it('holds a secret, a token, a signature or a body of any request', async () => {
    await using google = await LoopbackServer.start(json(KEYS.jwks()));
    await using gemini = await LoopbackServer.start(text(500, MARK));
    using tokens = temporaryFile(API_TOKEN);
    const registry = new InterruptibleJobRegistry();
    await registry.add(knownJob());
    const env = {
      JWKS_URL: `${google.url}/jwks`,
      JWT_AUDIENCE: 'our-audience',
      GEMINI_URL: gemini.url,
      GEMINI_API_KEY: API_KEY,
      API_TOKENS_FILE: tokens.path,
    };
    await using app = await startApp(env, [JobRegistry, registry]);
    const secrets = new Set([SECRET, OTHER_SECRET, API_TOKEN, API_KEY, MARK]);
    secrets.add(SECRET.slice('whsec_'.length));
    const answers: Answer[] = [];
    const secondPasses = secondsPass();
    const send = async (path: string, signed: Signed): Promise<void> => {
      secrets.add(signed.headers['webhook-signature']!.replace(/^v1a?,/, ''));
      secondPasses();
      answers.push(await post(app.url + path, signed));
    };
    const jobPath = await app.jobPath();
    secrets.add(jobPath.slice('/webhooks/gemini/jobs/'.length));
    const body = BODY;

    for (const path of ['/webhooks/gemini', jobPath, `${jobPath}x`, '/nowhere']) {
      await send(path, signedV1({ body }));
      await send(path, signedV1({ body }, [OTHER_SECRET]));
      await send(path, signedV1({ body, timestamp: nowSeconds() - 1000 }));
      await send(path, { ...signedV1({ body }), body: `${body}!` });
      await send(path, signedV1a(KEYS, { body }));
      await send(path, signedV1a(GoogleKeys.create(), { body }));
      await send(path, await signedToken(KEYS, claimsNow(), { body }));
      await send(path, await signedToken(KEYS, claimsNow({ aud: MARK }), { body }));
      await send(
        path,
        await signedToken(KEYS, claimsNow({ iss: MARK, iat: 1 }), { body }),
      );
      await send(path, signedV1({ body: `${MARK} is no JSON` }));
      await send(path, signedV1a(KEYS, { body: `{"type":"${MARK}` }));
    }
    const twice = signedV1({ body });
    await send('/webhooks/gemini', twice);
    await send('/webhooks/gemini', twice);
    app.publisher.fail('refused', 'producer-fatal');
    await send('/webhooks/gemini', signedV1({ body, id: newId() }));
    await send(await app.jobPath('job-2'), signedV1a(KEYS, { body }));
    registry.failure = new Error('the registry is down');
    await send(jobPath, signedV1a(KEYS, { body }));

    const batch = JSON.stringify({
      model: 'm',
      requests: [{ request: { contents: [MARK] } }],
    });
    for (const token of [API_TOKEN, 'a-token-that-is-not-ours']) {
      secrets.add(token);
      const headers = { authorization: `Bearer ${token}` };
      answers.push(await post(`${app.internalUrl}/v1/batches`, { headers, body: batch }));
    }
    const { text: metrics } = await ask(`${app.internalUrl}/metrics`);

    const shown = [app.log.text, metrics, ...answers.map((answer) => answer.text)];
    for (const secret of secrets) {
      for (const part of shown) expect(part).not.toContain(secret);
    }
    for (const reason of REASONS) {
      expect(app.log.text).toContain(`"delivery refused","reason":"${reason}"`);
    }
    const statuses = answers.slice(0, -2).map(({ status }) => status);
    expect(statuses.filter((status) => !STATUSES.includes(status))).toEqual([]);
  });

  it('holds a secret that Gemini has issued, or the key that seals it', async () => {
    const vaultKey = randomBytes(32).toString('base64url');
    using keys = temporaryFile(`v1:${vaultKey}`);
    using vault = temporaryFile('');
    using tokens = temporaryFile(API_TOKEN);
    const path = `${vault.path}-of-ours`;
    await using world = await startEmulatedApp({
      VAULT_KEYS_FILE: keys.path,
      VAULT_FILE: path,
      API_TOKENS_FILE: tokens.path,
      WEBHOOKS: '[{"name":"main"}]',
    });
    const { app, gemini } = world;
    const shown: string[] = [];
    const issued = new Set<string>();
    const call = async (method: string, to: string, body?: object): Promise<void> => {
      const answer = await ask(`${app.internalUrl}/v1/webhooks${to}`, {
        method,
        headers: {
          authorization: `Bearer ${API_TOKEN}`,
          'content-type': 'application/json',
        },
        ...(body && { body: JSON.stringify(body) }),
      });
      shown.push(answer.text);
      for (const webhook of gemini.webhooks.all()) {
        for (const secret of webhook.secrets.live()) issued.add(secret);
      }
    };
    const { id } = await until('the webhook', () => gemini.webhooks.all()[0]);
    await call('POST', '', { uri: 'https://bridge.example/other' });
    await call('GET', '');
    for (const kind of ['delay', 'status', 'accept-then-status'] as const) {
      gemini.fault('webhooks.rotateSigningSecret', { kind, delayMs: 1 });
      await call('POST', `/${id}/rotate`, { force: true });
      const refused = signedV1({ body: BODY }, [OTHER_SECRET]);
      shown.push((await post(`${app.url}/webhooks/gemini`, refused)).text);
    }
    await call('POST', `/${id}/rotate`, { force: true });
    keys.write(`v2:${randomBytes(32).toString('base64url')}`);
    await until('a secret without its key', () => app.get(SigningSecrets).troubles[0]);
    await call('GET', `/${id}`);
    shown.push((await ask(`${app.internalUrl}/health/ready`)).text);
    shown.push((await ask(`${app.internalUrl}/metrics`)).text, app.log.text);
    shown.push(readFileSync(path, 'utf8'));
    expect(shown.join('')).toMatch(/sealed with the key v1, which VAULT_KEYS_FILE/);
    expect(issued.size).toBeGreaterThan(2);
    const secrets = [...issued].map((secret) => secret.slice('whsec_'.length));
    for (const secret of [...secrets, vaultKey, API_TOKEN, gemini.apiKey, MARK]) {
      for (const part of shown) expect(part).not.toContain(secret);
    }
  }, 30_000);
});
