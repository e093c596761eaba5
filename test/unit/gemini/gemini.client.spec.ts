import { createServer } from 'node:net';
import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { GeminiClient } from '../../../src/gemini/gemini.client.js';
import { GeminiError } from '../../../src/gemini/gemini.error.js';
import { freePorts } from '../../../packages/testbed/src/process/free-ports.js';

const REQUEST = { method: 'POST', path: 'batches', body: {} } as const;

async function failure(url: string): Promise<GeminiError> {
  const client = new GeminiClient({ url, apiKey: 'k' });
  return client.send(REQUEST, 5000).then(
    () => Promise.reject(new Error('answered')),
    (error: unknown) => error as GeminiError,
  );
}

/** The error of a client whose server sends these bytes and ends the connection. */
async function failureWith(answer: string): Promise<GeminiError> {
  const server = createServer((socket) => {
    socket.once('data', () => socket.end(answer));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as { port: number };
    return await failure(`http://127.0.0.1:${port}`);
  } finally {
    server.close();
  }
}

const answer = (status: string, body = '{}') =>
  `HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;

const cut = (status: string, headers = '') =>
  `HTTP/1.1 ${status}\r\n${headers}Content-Length: 100\r\n\r\n{`;

describe('GeminiClient', () => {
  it('reports `refused` when no connection came about', async () => {
    const [port] = await freePorts(1);
    for (const host of [`127.0.0.1:${port}`, 'no-such-host.invalid']) {
      expect(await failure(`http://${host}`)).toMatchObject({
        effect: 'refused',
        status: undefined,
      });
    }
  });

  it('reports `unknown` when the connection broke before an answer', async () => {
    expect(await failureWith('')).toMatchObject({ effect: 'unknown' });
  });

  it.each([
    ['400 Bad Request', 'refused'],
    ['404 Not Found', 'refused'],
    ['429 Too Many Requests', 'refused'],
    ['408 Request Timeout', 'unknown'],
    ['499 Client Closed Request', 'unknown'],
    ['500 Internal Server Error', 'unknown'],
    ['503 Service Unavailable', 'unknown'],
  ])('reports the effect of %s as %s', async (status, effect) => {
    expect(await failureWith(answer(status))).toMatchObject({
      effect,
      status: Number.parseInt(status, 10),
    });
  });

  it('keeps the status of an answer that breaks off', async () => {
    expect(await failureWith(cut('200 OK'))).toMatchObject({
      effect: 'unknown',
      status: 200,
    });
    expect(
      await failureWith(cut('429 Too Many Requests', 'Retry-After: 7\r\n')),
    ).toMatchObject({ effect: 'refused', status: 429, retryAfterSeconds: 7 });
  });

  it('reports `unknown` for a body that is not JSON', async () => {
    expect(await failureWith(answer('200 OK', '<html>'))).toMatchObject({
      effect: 'unknown',
      status: 200,
    });
  });
});
