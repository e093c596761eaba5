import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import express, { type Request, type Response } from 'express';
import { limitBodyMemory } from '../../../../src/jobs/api/body-memory.middleware.js';

let server: Server;
let url: string;
let working: Response[];
/** Stands for authentication, which runs before. */
let authenticate: (request: Request) => Promise<unknown>;

beforeEach(async () => {
  working = [];
  authenticate = () => Promise.resolve();
  const app = express();
  app.use(async (request, _response, next) => {
    await authenticate(request);
    next();
  });
  app.use(limitBodyMemory({ each: 100, all: 250 }));
  app.use((_request, response) => void working.push(response));
  app.use(((error: { code: string }, _request, response, _next) => {
    (response as Response).status(503).send(error.code);
  }) as express.ErrorRequestHandler);
  server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
});

afterEach(() => {
  for (const response of working) response.end();
  server.closeAllConnections();
  server.close();
});

const send = async (body: string | ReadableStream, more: RequestInit = {}) => {
  const init: RequestInit = { method: 'POST', body, duplex: 'half', ...more };
  return (await fetch(url, init)).text();
};

const stream = () => new Blob(['x']).stream();

const inProgress = async (count: number) => {
  while (working.length < count) await new Promise(setImmediate);
};

describe('limitBodyMemory', () => {
  it('admits bodies up to the limit, and more when one has ended', async () => {
    const first = send('x'.repeat(100));
    const second = send('x'.repeat(100));
    await inProgress(2);
    expect(await send('x'.repeat(51))).toBe('overloaded');
    const small = send('x'.repeat(50));
    await inProgress(3);
    for (const response of working) response.end('done');
    expect(await Promise.all([first, second, small])).toEqual(['done', 'done', 'done']);
    const again = send('x'.repeat(100));
    await inProgress(4);
    working[3]?.end('done');
    expect(await again).toBe('done');
  });

  it('counts a body of unknown length as the maximum of one body', async () => {
    const first = send(stream());
    const second = send(stream());
    await inProgress(2);
    expect(await send(stream())).toBe('overloaded');
    for (const response of working) response.end('done');
    await Promise.all([first, second]);
  });

  it('counts a compressed body as the maximum of one body', async () => {
    const headers = { 'content-encoding': 'gzip' };
    const first = send('x', { headers });
    const second = send('x', { headers });
    await inProgress(2);
    expect(await send('x', { headers })).toBe('overloaded');
    for (const response of working) response.end('done');
    await Promise.all([first, second]);
  });

  it('counts no body of a client that disconnected during authentication', async () => {
    for (let n = 0; n < 5; n++) {
      const client = new AbortController();
      const disconnected = new Promise<void>((resolve) => {
        authenticate = async ({ socket }) => {
          client.abort();
          await once(socket, 'close');
          resolve();
        };
      });
      const sent = send('x'.repeat(100), { signal: client.signal });
      await expect(sent).rejects.toThrow('aborted');
      await disconnected;
    }
    authenticate = () => Promise.resolve();
    const first = send('x'.repeat(100));
    await inProgress(1);
    working[0]?.end('done');
    expect(await first).toBe('done');
  });

  it('counts a Content-Length above the maximum as the maximum', async () => {
    const first = send('x'.repeat(5000));
    await inProgress(1);
    working[0]?.end('done');
    expect(await first).toBe('done');
  });
});
