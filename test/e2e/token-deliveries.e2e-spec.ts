import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { base64url } from 'jose';
import {
  GoogleKeys,
  type JwtOverrides,
} from '../../packages/gemini-emulator/src/deliveries/signing.js';
import { JobRegistry } from '../../src/jobs/job-registry.js';
import { startApp, type TestApp } from '../support/app.js';
import { knownJob } from '../support/jobs.js';
import { json, LoopbackServer, text } from '../support/loopback-server.js';
import {
  claimsNow,
  eventBody,
  nowSeconds,
  post,
  signedToken,
  type Answer,
  type Claims,
  type Content,
} from '../support/sender.js';

const KEYS = GoogleKeys.create();
const EVENT = JSON.parse(eventBody()) as Claims;

let google: LoopbackServer;
let gemini: LoopbackServer;
let app: TestApp;
/** The job of the test. Each test has another one, because the end of a job is published once. */
let jobId: string;
let jobs = 0;

async function newJob(): Promise<void> {
  jobId = `job-${++jobs}`;
  await app.get(JobRegistry).add(knownJob({ id: jobId }));
}

beforeAll(async () => {
  google = await LoopbackServer.start(json(KEYS.jwks()));
  gemini = await LoopbackServer.start();
  app = await startApp({
    JWKS_URL: `${google.url}/jwks`,
    JWT_AUDIENCE: 'our-audience',
    GEMINI_URL: gemini.url,
    GEMINI_API_KEY: 'a-key-for-gemini',
  });
});

afterAll(async () => {
  await app[Symbol.asyncDispose]();
  await google[Symbol.asyncDispose]();
  await gemini[Symbol.asyncDispose]();
});

beforeEach(async () => {
  app.publisher.reset();
  gemini.requests.length = 0;
  await newJob();
});

async function deliver(
  claims: Claims,
  content: Content = {},
  overrides: JwtOverrides = {},
): Promise<Answer> {
  const signed = await signedToken(KEYS, claims, content, overrides);
  return post(app.url + (await app.jobPath(jobId)), signed);
}

/** Gemini's answer about `batches/1`. */
const operation = (state: string) =>
  json({
    name: 'batches/1',
    metadata: {
      state,
      updateTime: '2026-01-01T00:00:09Z',
      output: { responsesFile: 'files/batch-1' },
    },
  });

const publicRsa = () => {
  const { keys } = KEYS.jwks();
  return keys.find(({ kty }) => kty === 'RSA')!;
};

const kidOf = (type: string): string =>
  KEYS.jwks().keys.find(({ kty }) => kty === type)!['kid']!;

describe('a delivery with a token', () => {
  it('whose claims contain the event is published with the event of the claims', async () => {
    const claims = claimsNow({ event: EVENT });
    const answer = await deliver(claims, { id: 'msg_unsigned', body: '' });

    expect(answer).toMatchObject({ status: 200, json: { status: 'published' } });
    expect(app.publisher.delivered).toMatchObject([
      {
        topic: 'gemini.batch.succeeded',
        value: Buffer.from(eventBody()),
        headers: {
          'webhook-id': claims.jti,
          'webhook-timestamp': String(claims.iat),
          'bridge-scheme': 'jws',
        },
      },
    ]);
  });

  it('may have the members of its event as claims', async () => {
    expect((await deliver(claimsNow(EVENT))).status).toBe(200);
    expect(app.publisher.delivered[0]?.value.toString()).toBe(eventBody());
  });

  it('may have members in its event that the bridge does not know', async () => {
    const event = { ...EVENT, user_metadata: { tenant: 'blue' } };
    const body = JSON.stringify(event);
    for (const sent of [body, '']) {
      await newJob();
      const answer = await deliver(claimsNow(event), { body: sent });
      expect(answer.json).toEqual({ status: 'published' });
    }
    const values = app.publisher.delivered.map(({ value }) => JSON.parse(String(value)));
    expect(values).toEqual([event, event]);
  });

  it('whose claims contain the hash of the body is published byte for byte', async () => {
    const body = eventBody('batch.failed', { id: 'batches/1', error_message: 'ü' });
    const hash = createHash('sha256').update(body).digest('hex');
    expect((await deliver(claimsNow({ body_sha256: hash }), { body })).status).toBe(200);
    expect(app.publisher.delivered[0]?.value.toString()).toBe(body);
  });

  it('is identified by its jti and not by its unsigned webhook-id', async () => {
    const claims = claimsNow({ event: EVENT });
    await deliver(claims, { id: 'msg_1' });
    const repeat = await deliver(claims, { id: 'msg_2' });
    expect(repeat.json).toEqual({ status: 'duplicate' });
    expect(app.publisher.delivered).toHaveLength(1);
  });

  it('is identified by the hash of the token if there is no jti', async () => {
    const { jti: _, ...claims } = claimsNow({ event: EVENT });
    const { headers, body } = await signedToken(KEYS, claims);
    const url = app.url + (await app.jobPath(jobId));
    const answers = [
      await post(url, { headers, body }),
      await post(url, { headers, body }),
    ];
    expect(answers.map(({ json: body_ }) => body_)).toEqual([
      { status: 'published' },
      { status: 'duplicate' },
    ]);
    const id = createHash('sha256').update(headers['webhook-signature']!).digest('hex');
    expect(app.publisher.delivered[0]?.headers['webhook-id']).toBe(id);
  });
});

describe('a delivery whose token does not bind the body', () => {
  it('is published with the data of Gemini’s answer, if Gemini confirms it', async () => {
    gemini.answer = operation('BATCH_STATE_SUCCEEDED');
    const body = eventBody('batch.succeeded', { id: 'batches/1', injected: true });
    expect((await deliver(claimsNow(), { body })).status).toBe(200);

    expect(JSON.parse(String(app.publisher.delivered[0]?.value))).toEqual({
      type: 'batch.succeeded',
      version: 'v1',
      timestamp: '2026-01-01T00:00:09Z',
      data: { id: 'batches/1', output_file_uri: 'files/batch-1' },
    });
    expect(gemini.requests).toHaveLength(1);
    expect(gemini.requests[0]?.url).toMatch(/^\/v1beta\/batches\/1\?fields=/);
    expect(gemini.requests[0]?.headers['x-goog-api-key']).toBe('a-key-for-gemini');
  });

  it.each([
    ['the job still runs at Gemini', 'BATCH_STATE_RUNNING', eventBody()],
    [
      'the job has another end at Gemini',
      'BATCH_STATE_SUCCEEDED',
      eventBody('batch.failed'),
    ],
    [
      'it is about another job',
      'BATCH_STATE_SUCCEEDED',
      eventBody('batch.succeeded', { id: 'batches/2' }),
    ],
    ['it is not an event', 'BATCH_STATE_SUCCEEDED', 'junk'],
  ])('is refused when %s', async (_, state, body) => {
    gemini.answer = operation(state);
    expect(await deliver(claimsNow(), { body })).toMatchObject({
      status: 401,
      json: { reason: 'body-unconfirmed' },
    });
    expect(app.publisher.delivered).toEqual([]);
  });

  it('is accepted after a forged body with the same token was refused', async () => {
    gemini.answer = operation('BATCH_STATE_SUCCEEDED');
    const claims = claimsNow();
    expect((await deliver(claims, { body: eventBody('batch.failed') })).status).toBe(401);
    expect((await deliver(claims, { body: eventBody() })).status).toBe(200);
  });

  it('is answered 503 while Gemini is unavailable, and accepted afterwards', async () => {
    gemini.answer = text(500, '{}');
    const claims = claimsNow();
    expect(await deliver(claims)).toMatchObject({
      status: 503,
      json: { reason: 'gemini-unavailable' },
    });
    gemini.answer = operation('BATCH_STATE_SUCCEEDED');
    expect((await deliver(claims)).status).toBe(200);
  });

  it('is refused without a request to Gemini with JWT_UNBOUND_BODY=refuse', async () => {
    await using strict = await startApp({
      JWKS_URL: `${google.url}/jwks`,
      JWT_AUDIENCE: 'our-audience',
      JWT_UNBOUND_BODY: 'refuse',
      GEMINI_URL: gemini.url,
    });
    await strict.get(JobRegistry).add(knownJob());
    const signed = await signedToken(KEYS, claimsNow());
    expect(await post(strict.url + (await strict.jobPath()), signed)).toMatchObject({
      status: 401,
      json: { reason: 'body-unconfirmed' },
    });
    expect(gemini.requests).toEqual([]);
  });
});

describe('a token is refused', () => {
  const iat = nowSeconds();

  it.each<[string, Claims, string]>([
    ['expired', { iat: iat - 200, exp: iat - 100 }, 'token-expired'],
    ['too old, although it has not expired', { iat: iat - 400 }, 'token-expired'],
    ['issued in the future', { iat: iat + 100 }, 'token-invalid'],
    ['without exp', { exp: undefined }, 'token-invalid'],
    ['without iat', { iat: undefined }, 'token-invalid'],
    ['for another audience', { aud: 'https://elsewhere.example' }, 'token-audience'],
    ['without audience', { aud: undefined }, 'token-audience'],
    ['with a jti that is not a valid id', { jti: 'a\nb' }, 'token-invalid'],
  ])('when it is %s', async (_, claims, reason) => {
    const answer = await deliver(claimsNow({ event: EVENT, ...claims }));
    expect(answer).toMatchObject({ status: 401, json: { reason } });
    expect(app.publisher.delivered).toEqual([]);
  });

  it('when its claims differ from the body', async () => {
    const claims = claimsNow({ event: EVENT });
    for (const body of [eventBody('batch.failed'), 'junk', '{}']) {
      const answer = await deliver(claims, { body });
      expect(answer).toMatchObject({ status: 401, json: { reason: 'body-mismatch' } });
    }
  });

  it('when its hash is not that of the body', async () => {
    for (const hash of ['0'.repeat(64), '', 'junk', 7]) {
      const answer = await deliver(claimsNow({ body_sha256: hash }));
      expect(answer).toMatchObject({ status: 401, json: { reason: 'body-mismatch' } });
    }
  });

  it.each<[string, () => JwtOverrides]>([
    [
      'HS256 with the public RSA key as the secret',
      () => ({
        header: { alg: 'HS256' },
        key: Buffer.from(JSON.stringify(publicRsa())),
      }),
    ],
    [
      'HS256 with the modulus as the secret',
      () => ({ header: { alg: 'HS256' }, key: base64url.decode(publicRsa()['n']!) }),
    ],
    ['PS256 by the right key', () => ({ header: { alg: 'PS256' } })],
    ['RS512 by the right key', () => ({ header: { alg: 'RS512' } })],
    ['the kid of an Ed25519 key', () => ({ header: { kid: kidOf('OKP') } })],
    ['an unknown kid', () => ({ header: { kid: 'unknown' } })],
    ['an empty kid', () => ({ header: { kid: '' } })],
  ])('with %s', async (_, overrides) => {
    const answer = await deliver(claimsNow({ event: EVENT }), {}, overrides());
    expect(answer.status).toBe(401);
    expect(['token-invalid', 'signature-mismatch']).toContain(
      (answer.json as { reason: string }).reason,
    );
    expect(app.publisher.delivered).toEqual([]);
  });

  it('with alg none and any signature', async () => {
    const { headers, body } = await signedToken(KEYS, claimsNow({ event: EVENT }));
    const [, claims, signature] = headers['webhook-signature']!.split('.');
    const none = base64url.encode(JSON.stringify({ alg: 'none', kid: kidOf('RSA') }));
    for (const last of [signature, 'AAAA', '']) {
      const token = `${none}.${claims}.${last}`;
      const answer = await post(app.url + (await app.jobPath(jobId)), {
        headers: { ...headers, 'webhook-signature': token },
        body,
      });
      expect([400, 401]).toContain(answer.status);
    }
    expect(app.publisher.delivered).toEqual([]);
  });

  it('when it is signed with a key that Google does not publish', async () => {
    const signed = await signedToken(GoogleKeys.create(), claimsNow({ event: EVENT }));
    const answer = await post(app.url + (await app.jobPath(jobId)), signed);
    expect(answer).toMatchObject({ status: 401, json: { reason: 'signature-mismatch' } });
  });

  it('when it exceeds the maximum length', async () => {
    const answer = await deliver(claimsNow({ event: EVENT, padding: 'x'.repeat(8192) }));
    expect(answer).toMatchObject({ status: 400, json: { reason: 'header-malformed' } });
  });

  it('with a second token in the header', async () => {
    const { headers, body } = await signedToken(KEYS, claimsNow({ event: EVENT }));
    const token = headers['webhook-signature']!;
    for (const both of [`${token} ${token}`, `${token}, ${token}`]) {
      const answer = await post(app.url + (await app.jobPath(jobId)), {
        headers: { ...headers, 'webhook-signature': both },
        body,
      });
      expect(answer).toMatchObject({ status: 400, json: { reason: 'header-malformed' } });
    }
  });

  it('on a path that the bridge did not issue', async () => {
    const signed = await signedToken(KEYS, claimsNow({ event: EVENT }));
    const answer = await post(`${app.url}/webhooks/gemini/jobs/x`, signed);
    expect(answer).toMatchObject({ status: 401, json: { reason: 'capability-invalid' } });
  });

  it('always, while no audience is configured', async () => {
    await using unset = await startApp({ JWKS_URL: `${google.url}/jwks` });
    const signed = await signedToken(KEYS, claimsNow({ event: EVENT }));
    expect(await post(unset.url + (await unset.jobPath()), signed)).toMatchObject({
      status: 401,
      json: { reason: 'token-audience' },
    });
  });

  it('never for its audience with JWT_AUDIENCE=unchecked', async () => {
    await using unchecked = await startApp({
      JWKS_URL: `${google.url}/jwks`,
      JWT_AUDIENCE: 'unchecked',
    });
    const signed = await signedToken(KEYS, claimsNow({ event: EVENT, aud: 'anything' }));
    expect(await post(unchecked.url + (await unchecked.jobPath()), signed)).toMatchObject(
      {
        status: 200,
      },
    );
  });
});
