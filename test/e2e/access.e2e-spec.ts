import type { Express } from 'express';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { JobRegistry } from '../../src/jobs/job-registry.js';
import { startApp, type TestApp } from '../support/app.js';
import { AUDIENCE, issuerKey, TestIssuer } from '../support/issuer.js';
import { knownJob } from '../support/jobs.js';
import { hang, text } from '../support/loopback-server.js';
import { rawRequest, requestHead } from '../support/raw-request.js';
import { ask, type Answer } from '../support/sender.js';
import { temporaryFile, type TemporaryFile } from '../support/temporary-file.js';
import { until } from '../../packages/testbed/src/until.js';

const ALL = 'a-token-with-all-scopes';
const READER = 'a-token-of-the-reader';
const WRITER = 'a-token-of-the-writer';
const TOKENS = `${ALL}\n${READER} reader jobs:read\n${WRITER} writer jobs:write\n`;

const expectProblem = (answer: Answer, status: number, code: string): void => {
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(answer).toMatchObject({ status, json: { type: 'about:blank', status, code } });
};

const bearer = (token?: string) => (token ? { authorization: `Bearer ${token}` } : {});

async function withJob(app: TestApp): Promise<TestApp> {
  await app.get(JobRegistry).add(knownJob());
  return app;
}

const read = (app: TestApp, token?: string) =>
  ask(`${app.internalUrl}/v1/jobs/job-1`, { headers: bearer(token) });

const head = (app: TestApp, token?: string) =>
  fetch(`${app.internalUrl}/v1/jobs/job-1`, { method: 'HEAD', headers: bearer(token) });

/** Submits an invalid batch. An answer of 422 shows that the caller was authorized. */
const submit = (app: TestApp, token?: string, body = '{}') =>
  ask(`${app.internalUrl}/v1/batches`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...bearer(token) },
    body,
  });

describe('the internal API with API_TOKENS_FILE', () => {
  let app: TestApp;
  let file: TemporaryFile;

  beforeAll(async () => {
    file = temporaryFile(TOKENS);
    app = await withJob(await startApp({ API_TOKENS_FILE: file.path }));
  });

  afterAll(async () => {
    await app[Symbol.asyncDispose]();
    file[Symbol.dispose]();
  });

  it('requires a token for every operation under /v1', async () => {
    const { router } = app.adapter.getInstance<Express>();
    const routes = router.stack.flatMap(({ route }) => {
      const path = route?.path;
      const methods = route?.stack.map(({ method }) => method.toUpperCase()) ?? [];
      return path?.startsWith('/v1') ? methods.map((method) => ({ path, method })) : [];
    });
    expect(routes).toContainEqual({ path: '/v1/webhooks', method: 'POST' });
    for (const { path, method } of routes) {
      expectProblem(
        await ask(app.internalUrl + path, { method }),
        401,
        'unauthenticated',
      );
    }
  });

  it.each<[string, string, number, number]>([
    ['all scopes', ALL, 200, 422],
    ['jobs:read', READER, 200, 403],
    ['jobs:write', WRITER, 403, 422],
  ])(
    'allows a token with %s only the operations of its scopes',
    async (_, token, reading, submitting) => {
      expect((await read(app, token)).status).toBe(reading);
      expect((await submit(app, token)).status).toBe(submitting);
    },
  );

  it('names the missing scope', async () => {
    const answer = await submit(app, READER);
    expectProblem(answer, 403, 'scope-missing');
    expect(answer.json).toMatchObject({ scope: 'jobs:write' });
    expect(answer.headers.get('www-authenticate')).toBe(
      'Bearer error="insufficient_scope", scope="jobs:write"',
    );
  });

  it('distinguishes a missing token from a wrong token', async () => {
    expect((await read(app)).headers.get('www-authenticate')).toBe('Bearer');
    const answer = await read(app, 'an-unknown-token-of-a-caller');
    expectProblem(answer, 401, 'unauthenticated');
    expect(answer.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
  });

  it('protects HEAD as it does GET', async () => {
    expect((await head(app)).status).toBe(401);
    expect((await head(app, WRITER)).status).toBe(403);
    expect((await head(app, READER)).status).toBe(200);
  });

  it.each([
    '/v1/batches/',
    '/V1/Batches',
    '/v1/batches?a=b',
    '/v1//batches',
    '/v1/%62atches',
  ])('requires a token also for the spelling %s of a path', async (path) => {
    const answer = await ask(app.internalUrl + path, { method: 'POST', body: '{' });
    expect([401, 404]).toContain(answer.status);
  });

  it.each<[string, string | undefined, number]>([
    ['without a token', undefined, 401],
    ['with a wrong one', 'an-unknown-token-of-a-caller', 401],
    ['without the scope', READER, 403],
  ])('answers a call %s without reading its body', async (_, token, status) => {
    const request = requestHead('POST /v1/batches', [
      ['Content-Type', 'application/json'],
      ['Content-Length', '1000000'],
      ...Object.entries(bearer(token)),
    ]);
    // The request announces a body and does not send it
    expect((await rawRequest(app.internalPort, request)).status).toBe(status);
    expect((await submit(app, token, '{"no": json')).status).toBe(status);
    expect((await submit(app, ALL, '{"no": json')).status).toBe(400);
  });

  it('counts refusals, and shows no token', async () => {
    const answers = [
      await read(app),
      await read(app, 'an-unknown-token-of-a-caller'),
      await submit(app, READER),
    ];
    const { text: metrics } = await ask(`${app.internalUrl}/metrics`);
    for (const reason of ['token-missing', 'token-unknown', 'scope-missing']) {
      expect(metrics).toMatch(
        new RegExp(`gemini_bridge_api_refusals_total{reason="${reason}"} [1-9]`),
      );
      expect(app.log.text).toContain(`"call refused","reason":"${reason}"`);
    }
    expect(app.log.text).toContain('"caller":"token:reader"');
    const shown = [app.log.text, metrics, ...answers.map((answer) => answer.text)].join();
    for (const token of [ALL, READER, WRITER, 'an-unknown-token-of-a-caller']) {
      expect(shown).not.toContain(token);
    }
  });

  it('refuses a token within seconds after its removal from the file', async () => {
    file.write(TOKENS.replace(READER, 'a-token-of-the-next-reader'));
    await until(
      'the token to be refused',
      async () => (await read(app, READER)).status !== 200,
    );
    expectProblem(await read(app, READER), 401, 'unauthenticated');
    expect((await read(app, 'a-token-of-the-next-reader')).status).toBe(200);
    expect((await read(app, ALL)).status).toBe(200);
    file.write(TOKENS);
  });
});

describe('the internal API with API_OIDC_ISSUER', () => {
  let issuer: TestIssuer;

  beforeAll(async () => {
    issuer = await TestIssuer.start();
  });

  afterAll(async () => {
    await issuer[Symbol.asyncDispose]();
  });

  const account = (sub: string) =>
    issuer.token({ claims: { sub: `system:serviceaccount:${sub}` } });

  const start = async (env: Record<string, string> = {}) =>
    withJob(
      await startApp({
        API_OIDC_ISSUER: issuer.url,
        API_OIDC_AUDIENCE: AUDIENCE,
        ...env,
      }),
    );

  it("allows the operations of a token's scopes, and accepts the tokens of the file too", async () => {
    using file = temporaryFile(`${WRITER} writer jobs:write\n`);
    await using app = await start({ API_TOKENS_FILE: file.path });
    const reader = await issuer.token({ claims: { scope: 'openid jobs:read' } });
    const writer = await issuer.token({ claims: { scp: ['jobs:write'] } });
    expect((await read(app, reader)).status).toBe(200);
    expectProblem(await submit(app, reader), 403, 'scope-missing');
    expect((await submit(app, writer)).status).toBe(422);
    expect((await submit(app, WRITER)).status).toBe(422);
    expectProblem(await read(app, await issuer.token()), 403, 'scope-missing');

    const key = issuerKey('key-1');
    for (const bad of [
      await issuer.token({ claims: { scope: 'jobs:read', aud: 'another-audience' } }),
      await issuer.token({ claims: { scope: 'jobs:read', exp: 1 } }),
      await issuer.token({ claims: { scope: 'jobs:read' }, key }),
      `${reader}x`,
      'a.b.c',
    ]) {
      const answer = await read(app, bad);
      expectProblem(answer, 401, 'unauthenticated');
      expect(answer.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
      expect(answer.text + app.log.text).not.toContain(bad);
    }
    expect(app.log.text).toContain('"caller":"oidc:billing"');
  });

  it('gives API_OIDC_SCOPES to the subjects of API_OIDC_SUBJECTS, whose tokens have no scope', async () => {
    await using app = await start({
      API_OIDC_SCOPES: 'jobs:write, jobs:read',
      API_OIDC_SUBJECTS: 'system:serviceaccount:billing:*',
    });
    const billing = await account('billing:submitter');
    expect((await read(app, billing)).status).toBe(200);
    expect((await submit(app, billing)).status).toBe(422);
    const stranger = await account('default:default');
    expectProblem(await read(app, stranger), 403, 'scope-missing');
  });

  it('answers 503 and not 401 while the keys of the issuer cannot be read', async () => {
    issuer.fault = text(500, '');
    await using app = await start();
    const token = await issuer.token({ claims: { scope: 'jobs:read' } });
    const answer = await read(app, token);
    expectProblem(answer, 503, 'identity-provider-unavailable');
    expect(answer.headers.get('retry-after')).toBe('5');
    expectProblem(await read(app), 401, 'unauthenticated');
    expect(app.log.text).toContain('JWKS not read');
  });

  it('accepts tokens while the issuer is down, after it has read the keys', async () => {
    issuer.fault = undefined;
    await using app = await start();
    const token = await issuer.token({ claims: { scope: 'jobs:read' } });
    expect((await read(app, token)).status).toBe(200);
    issuer.fault = hang;
    expect((await read(app, token)).status).toBe(200);
    issuer.fault = undefined;
  });

  it('answers 503 while the issuer hangs', async () => {
    issuer.fault = hang;
    await using app = await start();
    const token = await issuer.token({ claims: { scope: 'jobs:read' } });
    const answers = await Promise.all([read(app, token), read(app, token)]);
    for (const answer of answers) {
      expectProblem(answer, 503, 'identity-provider-unavailable');
    }
    issuer.fault = undefined;
  });
});

describe('the internal API with API_RATE_PER_MINUTE', () => {
  it('refuses a caller above the rate, and no other caller', async () => {
    using file = temporaryFile(TOKENS);
    await using app = await withJob(
      await startApp({ API_TOKENS_FILE: file.path, API_RATE_PER_MINUTE: '2' }),
    );
    expect((await read(app, READER)).status).toBe(200);
    expect((await read(app, READER)).status).toBe(200);
    const answer = await read(app, READER);
    expectProblem(answer, 429, 'rate-limited');
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await read(app, ALL)).status).toBe(200);
    expect((await ask(`${app.internalUrl}/health/live`)).status).toBe(200);
  });
});
