import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { GoogleKeys } from '../../packages/gemini-emulator/src/deliveries/signing.js';
import { startApp, type TestApp } from '../support/app.js';
import { deliveryRequest, rawRequest, requestHead } from '../support/raw-request.js';
import {
  eventBody,
  nowSeconds,
  OTHER_SECRET,
  post,
  SECRET,
  signedBytes,
  signedV1,
  signedV1a,
  type Signed,
} from '../support/sender.js';
import { temporaryFile } from '../support/temporary-file.js';

let app: TestApp;

beforeAll(async () => {
  app = await startApp();
});

afterAll(async () => {
  await app[Symbol.asyncDispose]();
});

beforeEach(() => app.publisher.reset());

const deliver = (signed: Signed) => post(`${app.url}/webhooks/gemini`, signed);

const withHeaders = (signed: Signed, headers: Record<string, string>): Signed => ({
  ...signed,
  headers: { ...signed.headers, ...headers },
});

describe('a static delivery', () => {
  it('is on the topic of its type, byte for byte, before it is answered 200', async () => {
    const body = `{ "type" : "batch.succeeded","data":{"id":"batches/1","ü":1e2} }`;
    const signed = signedV1({ body });
    const answer = await deliver(signed);

    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({ status: 'published' });
    expect(app.publisher.records).toHaveLength(1);
    const { topic, key, value, headers } = app.publisher.records[0]!;
    expect({ topic, key }).toEqual({
      topic: 'gemini.batch.succeeded',
      key: 'batches/1',
    });
    expect(value.equals(Buffer.from(body))).toBe(true);
    expect(headers).toEqual({
      ce_specversion: '1.0',
      ce_id: signed.headers['webhook-id'],
      ce_source: 'https://generativelanguage.googleapis.com',
      ce_type: 'batch.succeeded',
      ce_subject: 'batches/1',
      ce_time: headers['bridge-received-at'],
      ce_dataschema: 'urn:gemini-kafka-bridge:event:batch.succeeded:v1',
      'content-type': 'application/json',
      'webhook-id': signed.headers['webhook-id'],
      'webhook-timestamp': signed.headers['webhook-timestamp'],
      'webhook-signature': signed.headers['webhook-signature'],
      'bridge-scheme': 'v1',
      'bridge-key-id': expect.stringMatching(/^[0-9a-f]{8}$/),
      'bridge-scope': 'static',
      'bridge-received-at': expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
    });
  });

  it('does not need a content type', async () => {
    const answer = await rawRequest(
      app.port,
      deliveryRequest('/webhooks/gemini', signedV1()),
    );
    expect(answer.status).toBe(200);
  });

  it('may have a query, which is ignored', async () => {
    const answer = await post(`${app.url}/webhooks/gemini?jobs=1`, signedV1());
    expect(answer.status).toBe(200);
    expect(app.publisher.records[0]?.headers['bridge-scope']).toBe('static');
  });

  it('is accepted with each live secret, so that a rotation causes no refusals', async () => {
    using file = temporaryFile(`${SECRET}\n# older ones below\n${OTHER_SECRET}\n`);
    await using rotating = await startApp({
      WEBHOOK_SECRETS: '',
      WEBHOOK_SECRETS_FILE: file.path,
    });
    for (const secrets of [[SECRET], [OTHER_SECRET], [OTHER_SECRET, SECRET]]) {
      const signed = signedV1({}, secrets);
      expect(await post(`${rotating.url}/webhooks/gemini`, signed)).toMatchObject({
        status: 200,
      });
    }
    const keyIds = rotating.publisher.records.map((r) => r.headers['bridge-key-id']);
    expect(new Set(keyIds).size).toBe(2);
  });

  it('of an unknown type goes to gemini.other, a ping too', async () => {
    for (const type of ['ping', 'webhook.ping', 'model.tuned']) {
      const body = JSON.stringify({ type });
      expect((await deliver(signedV1({ body }))).status).toBe(200);
    }
    const topics = app.publisher.records.map(({ topic }) => topic);
    expect(topics).toEqual(['gemini.other', 'gemini.other', 'gemini.other']);
  });

  it('may have a leap second as its timestamp', async () => {
    const event = { type: 'ping', timestamp: '2016-12-31T23:59:60Z' };
    const signed = signedV1({ body: JSON.stringify(event) });
    expect((await deliver(signed)).json).toEqual({ status: 'published' });
    expect((await deliver(signed)).json).toEqual({ status: 'duplicate' });
    expect(app.publisher.records).toHaveLength(1);
  });

  it.each<[string, string | Buffer]>([
    ['not-json', Buffer.from([0xff, 0x00, 0x7b])],
    ['not-json', ''],
    ['not-an-event', '[]'],
    ['not-an-event', '{"data":{"id":"batches/1"}}'],
    ['job-unnamed', '{"type":"batch.succeeded","data":{}}'],
  ])(
    'that is genuine but %s becomes a dead letter and is answered 200',
    async (reason, body) => {
      const answer = await deliver(signedBytes(Buffer.from(body)));

      expect(answer).toMatchObject({ status: 200, json: { status: 'published' } });
      expect(app.publisher.records).toHaveLength(1);
      const { topic, value, headers } = app.publisher.records[0]!;
      expect(topic).toBe('gemini-bridge.dead-letter');
      expect(value.equals(Buffer.from(body))).toBe(true);
      expect(headers).toMatchObject({
        'bridge-reason': reason,
        'content-type': 'application/octet-stream',
      });
    },
  );
});

const refused = async (signed: Signed, status: number, reason: string) => {
  const answer = await deliver(signed);
  expect(answer).toMatchObject({ status, json: { status: 'refused', reason } });
  expect(answer.headers.get('retry-after')).toBeNull();
  expect(app.publisher.records).toEqual([]);
};

describe('a static delivery is refused', () => {
  it('when it is signed with another secret', () =>
    refused(signedV1({}, [OTHER_SECRET]), 401, 'signature-mismatch'));

  it.each([
    ['older', -302],
    ['newer', 302],
  ])('when it is %s than 300 s', (_, offset) =>
    refused(signedV1({ timestamp: nowSeconds() + offset }), 401, 'timestamp-stale'),
  );

  it.each([
    ['id', { 'webhook-id': 'msg_other' }],
    ['timestamp', { 'webhook-timestamp': String(nowSeconds() + 7) }],
  ])('when its %s is not the signed one', (_, headers) =>
    refused(withHeaders(signedV1(), headers), 401, 'signature-mismatch'),
  );

  it('when its body was changed by one byte', () =>
    refused(
      { ...signedV1(), body: eventBody().replace('batches/1', 'batches/2') },
      401,
      'signature-mismatch',
    ));

  it('when it is signed with a key of the job route instead of a secret', () =>
    refused(signedV1a(GoogleKeys.create()), 401, 'signature-mismatch'));

  it('when it has a token, which only the job route accepts', () =>
    refused(
      withHeaders(signedV1(), { 'webhook-signature': 'eyJhbGciOiJSUzI1NiJ9.e30.AAAA' }),
      400,
      'header-malformed',
    ));

  it.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'])(
    'without %s',
    async (name) => {
      const { headers, body } = signedV1();
      const { [name]: _, ...others } = headers;
      await refused({ headers: others, body }, 400, 'header-missing');
      await refused({ headers: { ...headers, [name]: '' }, body }, 400, 'header-missing');
    },
  );

  it.each(['1e9', '-1', '+1', '0x10', '1700000000.5', '1700000000abc', '1'.repeat(13)])(
    'with the timestamp %s',
    (timestamp) =>
      refused(
        withHeaders(signedV1(), { 'webhook-timestamp': timestamp }),
        400,
        'header-malformed',
      ),
  );

  it.each([['a.b'], ['a,b'], ['a b'], ['x'.repeat(257)]])('with the id %s', (id) =>
    refused(withHeaders(signedV1(), { 'webhook-id': id }), 400, 'header-malformed'),
  );

  it('with more valid signature entries than a rotation needs', async () => {
    const signed = signedV1();
    const entry = signed.headers['webhook-signature']!;
    const many = Array.from({ length: 65 }, () => entry).join(' ');
    await refused(
      withHeaders(signed, { 'webhook-signature': many }),
      400,
      'header-malformed',
    );
  });

  it('with a header that is there twice, joined or not', async () => {
    for (const name of ['webhook-id', 'webhook-timestamp']) {
      const signed = signedV1();
      const value = signed.headers[name]!;
      const twice = deliveryRequest('/webhooks/gemini', signed, [[name, value]]);
      expect(await rawRequest(app.port, twice)).toMatchObject({
        status: 400,
        body: '{"status":"refused","reason":"header-malformed"}',
      });
      for (const joined of [`${value}, ${value}`, `${value},${value}`]) {
        await refused(withHeaders(signed, { [name]: joined }), 400, 'header-malformed');
      }
    }
  });

  it('with 10,000 signature entries', async () => {
    const signed = signedV1();
    const entry = signed.headers['webhook-signature']!;
    const request = requestHead('POST /webhooks/gemini', [
      ...Object.entries(signed.headers),
      ['webhook-signature', Array.from({ length: 10_000 }, () => entry).join(' ')],
    ]);
    expect(await rawRequest(app.port, request)).toMatchObject({ status: 431 });
  });
});

const padded = (length: number): string => {
  const body = eventBody();
  return body + ' '.repeat(length - body.length);
};

describe('a body', () => {
  const LIMIT = 256 * 1024;

  it('of exactly 256 KiB is accepted', async () => {
    expect((await deliver(signedV1({ body: padded(LIMIT) }))).status).toBe(200);
  });

  it('is refused for its announced length before it is sent', async () => {
    const signed = signedV1();
    const head = requestHead('POST /webhooks/gemini', [
      ...Object.entries(signed.headers),
      ['Content-Length', String(LIMIT + 1)],
    ]);
    expect(await rawRequest(app.port, head)).toMatchObject({
      status: 413,
      body: '{"status":"refused","reason":"body-too-large"}',
    });
  });

  it('in chunks is refused as soon as it exceeds the limit', async () => {
    const signed = signedV1();
    const head = requestHead('POST /webhooks/gemini', [
      ...Object.entries(signed.headers),
      ['Transfer-Encoding', 'chunked'],
    ]);
    const chunk = `10001\r\n${'x'.repeat(0x10001)}\r\n`; // four chunks exceed the limit
    const answer = await rawRequest(
      app.port,
      head,
      ...Array.from({ length: 4 }, () => chunk),
    );
    expect(answer).toMatchObject({ status: 413 });
    expect(answer.headers.get('connection')).toBe('close');
    expect(app.publisher.records).toEqual([]);
  });

  it('in chunks is published completely', async () => {
    const signed = signedV1();
    const body = signed.body as string;
    const head = requestHead('POST /webhooks/gemini', [
      ...Object.entries(signed.headers),
      ['Transfer-Encoding', 'chunked'],
    ]);
    const chunks = [body.slice(0, 7), body.slice(7)].map(
      (part) => `${part.length.toString(16)}\r\n${part}\r\n`,
    );
    const answer = await rawRequest(app.port, head, ...chunks, '0\r\n\r\n');
    expect(answer.status).toBe(200);
    expect(app.publisher.records[0]?.value.toString()).toBe(body);
  });
});
