import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startApp, type TestApp } from '../support/app.js';
import { deliveryRequest } from '../support/raw-request.js';
import { post, signedV1 } from '../support/sender.js';

/** Time for which the event loop is blocked. It exceeds an eighth of the ack budget. */
const BLOCKED_MS = 1000;
const TAKEN_WHILE_BEHIND = 16;

let app: TestApp;

beforeAll(async () => {
  app = await startApp();
});

afterAll(async () => {
  await app[Symbol.asyncDispose]();
});

function blockEventLoop(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BLOCKED_MS);
}

/** The answer to a delivery that was in the socket while the event loop was blocked. */
async function sentWhileBlocked(): Promise<string> {
  const socket = connect(app.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(deliveryRequest('/webhooks/gemini', signedV1()));
  blockEventLoop();
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return answer.toString();
}

it('refuses deliveries that it cannot answer in time, and finishes those that it has begun', async () => {
  const open = app.publisher.hold();
  const begun = Array.from({ length: TAKEN_WHILE_BEHIND }, () =>
    post(`${app.url}/webhooks/gemini`, signedV1()),
  );
  await app.publisher.called(TAKEN_WHILE_BEHIND);

  const refused = await sentWhileBlocked();
  expect(refused).toMatch(/^HTTP\/1.1 503 /);
  expect(refused).toContain('{"status":"refused","reason":"overloaded"}');

  open();
  const statuses = (await Promise.all(begun)).map(({ status }) => status);
  expect(statuses).toEqual(begun.map(() => 200));
  expect(await sentWhileBlocked()).toMatch(/^HTTP\/1.1 200 /);
});
