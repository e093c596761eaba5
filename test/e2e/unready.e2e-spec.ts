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

/** A delivery whose last byte does not come. */
function unfinished(): string {
  const { headers, body } = signedV1();
  const head = requestHead('POST /webhooks/gemini', [
    ...Object.entries(headers),
    ['Content-Length', String(body.length)],
  ]);
  return head + body.slice(0, -1);
}

describe('a body that does not come', () => {
  it('within the budget is answered 503, and the connection ends', async () => {
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

  it('because the sender went away leaves nothing behind', async () => {
    const socket = connect(app.port, '127.0.0.1', () => socket.write(unfinished()));
    await once(socket, 'connect');
    socket.destroy();
    const answer = await post(`${app.url}/webhooks/gemini`, signedV1());
    expect(answer.status).toBe(200);
    expect(app.publisher.records).toHaveLength(1);
  });
});

describe("Google's keys that do not come", () => {
  it('within the budget are answered 503', async () => {
    await using google = await LoopbackServer.start(hang);
    await using hasty = await startApp({ JWKS_URL: google.url, ACK_BUDGET_MS: '100' });
    const signed = signedV1a(GoogleKeys.create({ rsa: false }));
    const answer = await post(hasty.url + (await hasty.jobPath()), signed);
    expect(answer).toMatchObject({ status: 503, json: { reason: 'ack-budget-spent' } });
  });
});

describe('a body whose answer has to wait behind another', () => {
  it('is not held for ever when the connection ends', async () => {
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

describe('what a sender expects', () => {
  it('is no reason for a status outside the table', async () => {
    const request = deliveryRequest('/webhooks/gemini', signedV1(), [
      ['Expect', 'wonders'],
    ]);
    expect(await rawRequest(app.port, request)).toMatchObject({ status: 200 });
  });
});

describe('while the process is about to end', () => {
  it('deliveries are answered 503, their connections closed, and it is not ready', async () => {
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

  it('what was published already, or is under way, is still confirmed', async () => {
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
