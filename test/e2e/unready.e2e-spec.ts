import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connect } from 'node:net';
import { once } from 'node:events';
import { GoogleKeys } from '../../packages/gemini-emulator/src/deliveries/signing.js';
import { hang, LoopbackServer } from '../support/loopback-server.js';
import { ShutdownState } from '../../src/infrastructure/process/shutdown-state.js';
import { Admission } from '../../src/receiver/http/admission.js';
import { startApp, type TestApp } from '../support/app.js';
import { deliveryRequest, rawRequest, requestHead } from '../support/raw-request.js';
import { ask, post, signedV1, signedV1a } from '../support/sender.js';
import { until } from '../../packages/testbed/src/until.js';

let app: TestApp;

beforeAll(async () => {
  app = await startApp();
});

afterAll(async () => {
  await app[Symbol.asyncDispose]();
});

/** A delivery without its last byte. */
function unfinished(): string {
  const { headers, body } = signedV1();
  const head = requestHead('POST /webhooks/gemini', [
    ...Object.entries(headers),
    ['Content-Length', String(body.length)],
  ]);
  return head + body.slice(0, -1);
}

describe('an incomplete body', () => {
  it('is answered 503 after the ack budget, and the connection ends', async () => {
    await using hasty = await startApp({ ACK_BUDGET_MS: '100' });
    const answer = await rawRequest(hasty.port, unfinished());
    expect(answer).toMatchObject({
      status: 503,
      body: '{"status":"refused","reason":"body-too-slow"}',
    });
    expect(answer.headers.get('retry-after')).toBe('5');
    expect(answer.headers.get('connection')).toBe('close');
    expect(hasty.publisher.records).toEqual([]);
  });

  it('of a sender that closed the connection does not affect the next delivery', async () => {
    const socket = connect(app.port, '127.0.0.1', () => socket.write(unfinished()));
    await once(socket, 'connect');
    socket.destroy();
    const answer = await post(`${app.url}/webhooks/gemini`, signedV1());
    expect(answer.status).toBe(200);
    expect(app.publisher.records).toHaveLength(1);
  });
});

describe("a delivery while the request for Google's keys hangs", () => {
  it('is answered 503 after the ack budget', async () => {
    await using google = await LoopbackServer.start(hang);
    await using hasty = await startApp({ JWKS_URL: google.url, ACK_BUDGET_MS: '100' });
    const signed = signedV1a(GoogleKeys.create({ rsa: false }));
    const answer = await post(hasty.url + (await hasty.jobPath()), signed);
    expect(answer).toMatchObject({ status: 503, json: { reason: 'ack-budget-spent' } });
  });
});

describe('a body whose answer waits for an earlier answer on its connection', () => {
  it('is released when the connection ends', async () => {
    const refused = requestHead('GET /x', []);
    for (let i = 0; i < 20; i++) {
      const both = Buffer.concat([
        Buffer.from(refused),
        deliveryRequest('/webhooks/gemini', signedV1()),
      ]);
      expect(await rawRequest(app.port, both)).toMatchObject({ status: 404 });
    }
    await until('no held body', () => app.get(Admission).held.count === 0);
    const metrics = await ask(`${app.internalUrl}/metrics`);
    expect(metrics.text).toContain('gemini_bridge_held_body_bytes 0');
  });
});

describe('the header Expect', () => {
  it('is ignored, so that no status outside the table is answered', async () => {
    const request = deliveryRequest('/webhooks/gemini', signedV1(), [
      ['Expect', 'wonders'],
    ]);
    expect(await rawRequest(app.port, request)).toMatchObject({ status: 200 });
  });
});

describe('while the process shuts down', () => {
  it('deliveries are answered 503, their connections closed, and the readiness probe fails', async () => {
    app.get(ShutdownState).isDraining = true;
    const answer = await post(`${app.url}/webhooks/gemini`, signedV1());
    const ready = await ask(`${app.internalUrl}/health/ready`);
    const live = await ask(`${app.internalUrl}/health/live`);
    app.get(ShutdownState).isDraining = false;

    expect(answer).toMatchObject({ status: 503, json: { reason: 'shutting-down' } });
    expect(answer.headers.get('retry-after')).toBe('5');
    expect(answer.headers.get('connection')).toBe('close');
    expect(ready.status).toBe(503);
    expect(ready.json).toHaveProperty('shutdown');
    expect(live.status).toBe(200);
  });

  it('a delivery under way is still published and answered 200', async () => {
    const ending = await startApp();
    const resume = ending.publisher.hold();
    const delivered = post(`${ending.url}/webhooks/gemini`, signedV1());
    await ending.publisher.called(1);
    ending.get(ShutdownState).isDraining = true;
    const ended = ending[Symbol.asyncDispose]();
    resume();

    expect((await delivered).json).toEqual({ status: 'published' });
    await ended;
  });
});
