import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { base64url, SignJWT, type JWTHeaderParameters } from 'jose';
import { GoogleKeys } from '../../packages/gemini-emulator/src/deliveries/signing.js';
import { JobRegistry } from '../../src/jobs/job-registry.js';
import { startApp, type TestApp } from '../support/app.js';
import { knownJob } from '../support/jobs.js';
import { json, LoopbackServer, text } from '../support/loopback-server.js';
import { deliveryRequest, rawRequest } from '../support/raw-request.js';
import {
  eventBody,
  nowSeconds,
  post,
  signedV1,
  signedV1a,
  type Signed,
} from '../support/sender.js';

const KEYS = GoogleKeys.create();

let google: LoopbackServer;
let app: TestApp;

beforeAll(async () => {
  google = await LoopbackServer.start(json(KEYS.jwks()));
  app = await startApp({ JWKS_URL: `${google.url}/jwks` });
});

afterAll(async () => {
  await app[Symbol.asyncDispose]();
  await google[Symbol.asyncDispose]();
});

beforeEach(() => app.publisher.reset());

const deliver = async (signed: Signed, path?: string) =>
  post(app.url + (path ?? (await app.jobPath())), signed);

describe('a dynamic delivery', () => {
  it('is published with the correlation of the job in its path', async () => {
    const signed = signedV1a(KEYS);
    const answer = await deliver(signed, await app.jobPath('job-7', 'order-42'));

    expect(answer).toMatchObject({ status: 200, json: { status: 'published' } });
    expect(app.publisher.records).toMatchObject([
      {
        topic: 'gemini.batch.succeeded',
        key: 'batches/1',
        value: Buffer.from(eventBody()),
        headers: {
          'webhook-id': signed.headers['webhook-id'],
          'webhook-signature': signed.headers['webhook-signature'],
          'bridge-scheme': 'v1a',
          'bridge-key-id': KEYS.jwks().keys[1]?.['kid'],
          'bridge-scope': 'jobs/job-7',
          'bridge-job-id': 'job-7',
          'correlation-id': 'order-42',
        },
      },
    ]);
  });

  it('is published with the metadata of a known job, and the job shows the event', async () => {
    const registry = app.get(JobRegistry);
    await registry.add(knownJob({ id: 'job-8', metadata: { tenant: 'ü' } }));
    const signed = signedV1a(KEYS);
    expect((await deliver(signed, await app.jobPath('job-8'))).status).toBe(200);

    const [record] = app.publisher.records;
    expect(record?.headers['bridge-job-metadata']).toBe('{"tenant":"ü"}');
    expect(await registry.find('job-8')).toMatchObject({
      state: 'succeeded',
      lastEvent: { type: 'batch.succeeded', webhookId: signed.headers['webhook-id'] },
    });
  });

  it('about another job than the one in its path becomes a dead letter', async () => {
    await app.get(JobRegistry).add(knownJob({ id: 'job-9', geminiName: 'batches/9' }));
    const answer = await deliver(signedV1a(KEYS), await app.jobPath('job-9'));

    expect(answer).toMatchObject({ status: 200, json: { status: 'published' } });
    expect(app.publisher.records).toMatchObject([
      { topic: 'gemini-bridge.dead-letter', headers: { 'bridge-reason': 'other-job' } },
    ]);
    expect(await app.get(JobRegistry).find('job-9')).not.toHaveProperty('lastEvent');
  });

  it('replayed to the path of another job is not a repeat there', async () => {
    const signed = signedV1a(KEYS);
    await deliver(signed, await app.jobPath('job-a'));
    const elsewhere = await deliver(signed, await app.jobPath('job-b'));
    expect(elsewhere.json).toEqual({ status: 'published' });
    const scopes = app.publisher.records.map((r) => r.headers['bridge-scope']);
    expect(scopes).toEqual(['jobs/job-a', 'jobs/job-b']);
  });
});

/** A path token with valid claims, signed with the given key. */
const forged = (header: JWTHeaderParameters, key: Uint8Array | KeyObject) =>
  new SignJWT({ cid: 'c', iss: 'gemini-kafka-bridge', sub: 'j' })
    .setProtectedHeader(header)
    .sign(key);

const refused = async (signed: Signed, status: number, reason: string, path?: string) => {
  const answer = await deliver(signed, path);
  expect(answer).toMatchObject({ status, json: { status: 'refused', reason } });
  expect(app.publisher.records).toEqual([]);
};

describe('a dynamic delivery is refused', () => {
  it('when it is signed with a secret of the static route', () =>
    refused(signedV1(), 401, 'signature-mismatch'));

  it('when it is signed with a key that Google does not publish', () =>
    refused(signedV1a(GoogleKeys.create()), 401, 'signature-mismatch'));

  it.each([-302, 302])('when its timestamp is off by %d s', (offset) =>
    refused(
      signedV1a(KEYS, { timestamp: nowSeconds() + offset }),
      401,
      'timestamp-stale',
    ),
  );

  it('when its body was changed by one byte', () =>
    refused({ ...signedV1a(KEYS), body: `${eventBody()} ` }, 401, 'signature-mismatch'));

  it('when its id is not the signed one', async () => {
    const { headers, body } = signedV1a(KEYS);
    const other = { headers: { ...headers, 'webhook-id': 'msg_other' }, body };
    await refused(other, 401, 'signature-mismatch');
  });

  it('with a repeated header', async () => {
    const signed = signedV1a(KEYS);
    for (const [name, value] of Object.entries(signed.headers)) {
      if (name === 'webhook-signature') continue; // a list: see signature-headers.spec.ts
      const twice = deliveryRequest(await app.jobPath(), signed, [[name, value]]);
      const answer = await rawRequest(app.port, twice);
      expect(answer.status).toBe(400);
      expect(answer.body).toBe('{"status":"refused","reason":"header-malformed"}');
    }
  });

  it('without headers', () =>
    refused({ headers: {}, body: eventBody() }, 400, 'header-missing'));

  it('with a valid signature on a path that the bridge did not issue', async () => {
    const good = (await app.jobPath()).slice('/webhooks/gemini/jobs/'.length);
    const [head = '', claims = '', mac = ''] = good.split('.');
    const ours = { alg: 'HS256', kid: 'k1' };
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const none = base64url.encode(JSON.stringify({ ...ours, alg: 'none' }));
    const otherClaims = base64url.encode(
      '{"cid":"c","iss":"gemini-kafka-bridge","sub":"x"}',
    );
    const tokens = [
      'x',
      `${head}.${claims}.`,
      `${head}.${claims}.${'A'.repeat(43)}`,
      `${head}.${otherClaims}.${mac}`,
      `${none}.${claims}.`,
      `${none}.${claims}.${mac}`,
      good.slice(0, -1) + (mac.endsWith('A') ? 'E' : 'A'),
      `${good}.x`,
      good.repeat(9).slice(0, 2048),
      await forged(ours, Buffer.alloc(32, 'foreign')),
      await forged({ ...ours, kid: 'k2' }, Buffer.alloc(32, 'capability')),
      await forged({ alg: 'RS256', kid: 'k1' }, rsa.privateKey),
      await KEYS.signJwt({ cid: 'c', iss: 'gemini-kafka-bridge', sub: 'j' }),
    ];
    for (const token of tokens) {
      const path = `/webhooks/gemini/jobs/${token}`;
      await refused(signedV1a(KEYS), 401, 'capability-invalid', path);
    }
  });

  it('on the static route, which requires another signature', async () => {
    await refused(signedV1a(KEYS), 401, 'signature-mismatch', '/webhooks/gemini');
  });
});

describe('a dynamic delivery while Google’s keys cannot be read', () => {
  it('is answered 503, because it may be genuine, but 401 with a forged path', async () => {
    await using down = await LoopbackServer.start(text(500, 'down'));
    await using cold = await startApp({ JWKS_URL: `${down.url}/jwks` });
    const path = cold.url + (await cold.jobPath());
    for (const keys of [KEYS, GoogleKeys.create()]) {
      const answer = await post(path, signedV1a(keys));
      expect(answer).toMatchObject({ status: 503, json: { reason: 'keys-unavailable' } });
      expect(answer.headers.get('retry-after')).toBe('5');
    }
    expect(down.requests).toHaveLength(1);
    const refusal = await post(`${cold.url}/webhooks/gemini/jobs/x`, signedV1a(KEYS));
    expect(refusal.status).toBe(401);
    expect((await post(`${cold.url}/webhooks/gemini`, signedV1())).status).toBe(200);
  });
});
