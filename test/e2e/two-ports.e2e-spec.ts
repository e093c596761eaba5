import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PATH_METADATA } from '@nestjs/common/constants.js';
import { networkInterfaces } from 'node:os';
import { GoogleKeys } from '../../packages/gemini-emulator/src/deliveries/signing.js';
import { ReceiverController } from '../../src/receiver/receiver.controller.js';
import { startApp, type TestApp } from '../support/app.js';
import { json, LoopbackServer, text as answering } from '../support/loopback-server.js';
import { deliveryRequest, rawRequest, requestHead } from '../support/raw-request.js';
import { ask, post, signedV1 } from '../support/sender.js';
import { until } from '../../packages/testbed/src/until.js';

const NOT_FOUND = '{"status":"refused","reason":"not-found"}';
const INTERNAL_PATHS = [
  '/v1/jobs/x',
  '/v1/batches',
  '/metrics',
  '/health/ready',
  '/docs',
];

let app: TestApp;

beforeAll(async () => {
  app = await startApp();
});

afterAll(async () => {
  await app[Symbol.asyncDispose]();
});

describe('the public port', () => {
  const METHODS = ['GET', 'POST', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'];

  it.each(INTERNAL_PATHS)('answers 404 to every method at %s', async (path) => {
    for (const method of METHODS) {
      const answer = await ask(`${app.url}${path}`, { method });
      expect(answer.status).toBe(404);
      expect(answer.text).toBe(method === 'HEAD' ? '' : NOT_FOUND);
    }
  });

  it.each([
    '//v1/jobs/x',
    '/./v1/jobs/x',
    '/webhooks/gemini/../../v1/jobs/x',
    '/webhooks/gemini/jobs/../../../metrics',
    '/webhooks/gemini/..%2f..%2fmetrics',
    '/webhooks/gemini/jobs/%2e%2e/%2e%2e/%2e%2e/metrics',
    '/webhooks/gemini/jobs/..%2f..%2f..%2fmetrics',
    '/webhooks%2fgemini',
    '/webhooks/gemini%2fjobs%2fx',
    '/webhooks/gemini/',
    '/webhooks/gemini;/metrics',
    '/webhooks/gemini#/metrics',
    '/webhooks/gemini\\..\\metrics',
    '/webhooks/gemini/jobs',
    '/webhooks/gemini/jobs/',
    '/webhooks/gemini/jobs/a/b',
    '/WEBHOOKS/GEMINI',
    '//webhooks/gemini',
    '/%77ebhooks/gemini',
    `/webhooks/gemini/jobs/${'x'.repeat(2049)}`,
    '*',
    'http://127.0.0.1/metrics',
    'http://bridge.example/v1/jobs/x',
    'HTTP://bridge.example/health/ready',
    'http://bridge.example//docs',
    'http:/metrics',
  ])('answers no route at the request target %s', async (target) => {
    for (const method of ['GET', 'POST']) {
      const request = requestHead(`${method} ${target}`, [['Content-Length', '0']]);
      const answer = await rawRequest(app.port, request);
      expect([400, 404]).toContain(answer.status);
      if (answer.status === 404) expect(answer.body).toBe(NOT_FOUND);
    }
  });

  it.each([
    ['X-Forwarded-Host', 'internal:8081'],
    ['X-Forwarded-Prefix', '/metrics'],
    ['X-Forwarded-Uri', '/metrics'],
    ['X-Forwarded-For', '127.0.0.1'],
    ['X-Forwarded-Port', '8081'],
    ['X-Original-URL', '/metrics'],
    ['X-Original-URI', '/metrics'],
    ['X-Rewrite-URL', '/metrics'],
    ['X-HTTP-Method-Override', 'GET'],
    ['Forwarded', 'host=internal:8081;for=127.0.0.1'],
  ])('ignores %s', async (name, value) => {
    for (const path of ['/', ...INTERNAL_PATHS]) {
      const request = requestHead(`GET ${path}`, [[name, value]]);
      expect(await rawRequest(app.port, request)).toMatchObject({
        status: 404,
        body: NOT_FOUND,
      });
    }
    const delivery = deliveryRequest('/webhooks/gemini', signedV1(), [[name, value]]);
    expect(await rawRequest(app.port, delivery)).toMatchObject({
      status: 200,
      body: '{"status":"published"}',
    });
  });

  it.each(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'])(
    'answers 405 to %s on a webhook’s path',
    async (method) => {
      for (const path of ['/webhooks/gemini', '/webhooks/gemini/jobs/token']) {
        const request = requestHead(`${method} ${path}`, []);
        const answer = await rawRequest(app.port, request);
        expect(answer.status).toBe(405);
        expect(answer.headers.get('allow')).toBe('POST');
      }
    },
  );

  it('has no header that names its software', async () => {
    for (const path of ['/', '/webhooks/gemini']) {
      const { headers } = await ask(`${app.url}${path}`);
      for (const name of ['x-powered-by', 'server', 'etag'])
        expect(headers.get(name)).toBeNull();
    }
  });

  it.each([
    ['a text that is not a request', 'hello\r\n\r\n', 400],
    ['a header without a name', 'POST /webhooks/gemini HTTP/1.1\r\n: x\r\n\r\n', 400],
    ['no host', 'POST /webhooks/gemini HTTP/1.1\r\n\r\n', 400],
    [
      'a length and chunks',
      requestHead('POST /webhooks/gemini', [
        ['Content-Length', '3'],
        ['Transfer-Encoding', 'chunked'],
      ]),
      400,
    ],
    [
      'two lengths',
      requestHead('POST /webhooks/gemini', [
        ['Content-Length', '3'],
        ['Content-Length', '4'],
      ]),
      400,
    ],
    [
      'headers that are too long',
      requestHead('POST /webhooks/gemini', [['X', 'x'.repeat(20_000)]]),
      431,
    ],
  ])('refuses %s', async (_, request, status) => {
    expect((await rawRequest(app.port, request)).status).toBe(status);
  });

  it('accepts several deliveries on one connection', async () => {
    const url = `${app.url}/webhooks/gemini`;
    expect((await post(url, signedV1())).status).toBe(200);
    expect((await post(url, signedV1({}, ['whsec_' + 'A'.repeat(44)]))).status).toBe(401);
    expect((await post(url, signedV1())).status).toBe(200);
  });
});

it('both ports listen on all addresses, including IPv6, if HOST is not set', async () => {
  await using everywhere = await startApp({ HOST: '' });
  const hosts = ['127.0.0.1', ...(hasIpv6() ? ['[::1]'] : [])];
  for (const host of hosts) {
    const live = await ask(`http://${host}:${everywhere.internalPort}/health/live`);
    expect(live.status).toBe(200);
    const hook = `http://${host}:${everywhere.port}/webhooks/gemini`;
    expect((await post(hook, signedV1())).status).toBe(200);
  }
});

function hasIpv6(): boolean {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return all.some(({ address }) => address === '::1');
}

describe('the start', () => {
  it.each([
    ['the controller', ReceiverController, 'POST /webhooks/gemini,'],
    [
      'the handler of jobs',
      Reflect.get(ReceiverController.prototype, 'receiveForJob') as object,
      'POST /webhooks/gemini/jobs/:token,',
    ],
  ])('is refused if %s has another path', async (_, target, route) => {
    const path: unknown = Reflect.getMetadata(PATH_METADATA, target);
    Reflect.defineMetadata(PATH_METADATA, '/elsewhere', target);
    try {
      await expect(startApp()).rejects.toThrow(`no controller handles ${route}`);
    } finally {
      Reflect.defineMetadata(PATH_METADATA, path, target);
    }
  });
});

describe('the internal port', () => {
  it('has no webhook routes', async () => {
    app.publisher.reset();
    for (const path of ['/webhooks/gemini', await app.jobPath()]) {
      const answer = await post(`${app.internalUrl}${path}`, signedV1());
      expect(answer.status).toBe(404);
    }
    expect(app.publisher.records).toEqual([]);
  });

  it('is live at once, and ready as soon as the keys of Google were read once', async () => {
    await using google = await LoopbackServer.start(answering(500, 'down'));
    await using cold = await startApp({ JWKS_URL: google.url });
    const ready = () => ask(`${cold.internalUrl}/health/ready`);
    expect(await ask(`${cold.internalUrl}/health/live`)).toMatchObject({
      status: 200,
      json: { status: 'live' },
    });
    expect(await ready()).toMatchObject({
      status: 503,
      json: { status: 'not ready', keys: expect.stringContaining('JWKS_URL') },
    });
    google.answer = json(GoogleKeys.create().jwks());
    await until('the bridge to be ready', async () => (await ready()).status === 200);
    google.answer = answering(500, 'down');
    expect(await ready()).toMatchObject({ status: 200, json: { status: 'ready' } });
  }, 20_000);

  it('is ready without the keys of Google if CAPABILITY_KEYS_FILE is not set', async () => {
    await using fixed = await startApp({ CAPABILITY_KEYS_FILE: '' });
    const answer = await ask(`${fixed.internalUrl}/health/ready`);
    expect(answer).toMatchObject({ status: 200, json: { status: 'ready' } });
  });

  it('is not ready while Kafka is unavailable, and names the cause', async () => {
    app.publisher.unready = 'no broker';
    const answer = await ask(`${app.internalUrl}/health/ready`);
    app.publisher.unready = undefined;
    expect(answer).toMatchObject({
      status: 503,
      json: { status: 'not ready', kafka: 'no broker' },
    });
  });

  it('counts deliveries and refusals without paths as labels', async () => {
    await ask(`${app.url}/nowhere/${'x'.repeat(40)}`);
    await post(`${app.url}/webhooks/gemini`, signedV1());
    const { status, headers, text } = await ask(`${app.internalUrl}/metrics`);
    expect(status).toBe(200);
    expect(headers.get('content-type')).toMatch(/^text\/plain/);
    expect(text).toMatch(
      /^gemini_bridge_accepted_total\{topic="gemini.batch.succeeded"\} \d+$/m,
    );
    expect(text).toMatch(/^gemini_bridge_refusals_total\{reason="not-found"\} \d+$/m);
    expect(text).not.toContain('nowhere');
  });
});
