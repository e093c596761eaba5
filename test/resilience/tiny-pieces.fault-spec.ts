import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { memory } from '../../bench/process-usage.js';
import { startBridge, type BridgeProcess } from '../../packages/testbed/src/bridge.js';
import { requestHead } from '../support/raw-request.js';
import { ask, SECRET } from '../support/sender.js';

const SENDERS = 16;
/** Bytes of each body. Each is a chunk of its own: six bytes on the wire. */
const BODY_BYTES = 200_000;
const PIECE = '1\r\nx\r\n';
const MAX_GROWTH_MIB = 100;

let bridge: BridgeProcess;

beforeAll(async () => {
  bridge = await startBridge({
    KAFKA_BROKERS: '127.0.0.1:1', // no delivery gets that far
    DEDUPE_STORE: 'memory',
    WEBHOOK_SECRETS: SECRET,
  });
}, 60_000);

afterAll(() => bridge.stop());

/** Sends an unsigned body without its end, and resolves with the answer's first line. */
async function sendInPieces(): Promise<string> {
  const socket = connect(Number(new URL(bridge.url).port), '127.0.0.1');
  socket.on('error', () => undefined); // the bridge resets the connection after its answer
  await once(socket, 'connect');
  const answer = once(socket, 'data') as Promise<[Buffer]>;
  const chunked = [['Transfer-Encoding', 'chunked']] as const;
  socket.write(requestHead('POST /webhooks/gemini', chunked));
  for (let sent = 0; sent < BODY_BYTES && !socket.destroyed; sent += 10_000) {
    socket.write(PIECE.repeat(10_000));
    await delay(1); // 16 senders at the same time
  }
  const [head] = await answer;
  socket.destroy();
  return String(head).split('\r\n', 1)[0] as string;
}

it('bodies in pieces of one byte are refused, and take no memory', async () => {
  const before = memory(bridge.pid).residentMiB;
  const answers = await Promise.all(Array.from({ length: SENDERS }, sendInPieces));
  expect(new Set(answers)).toEqual(new Set(['HTTP/1.1 503 Service Unavailable']));
  expect(memory(bridge.pid).peakMiB - before).toBeLessThan(MAX_GROWTH_MIB);
  const { status, text } = await ask(`${bridge.internalUrl}/metrics`);
  expect(status).toBe(200);
  expect(text).toMatch(/^gemini_bridge_held_body_bytes 0$/m);
  expect(text).toContain(
    `gemini_bridge_refusals_total{reason="body-too-slow"} ${SENDERS}\n`,
  );
}, 60_000);
