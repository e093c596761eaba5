import { EventEmitter, once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import express, { type Response } from 'express';
import { limitBodyMemory } from '../../../../src/jobs/api/body-memory.middleware.js';

let server: Server;
let url: string;
let working: Response[];
/** What comes before, as access control does. */
let checked: () => Promise<unknown>;

beforeEach(async () => {
  working = [];
  checked = () => Promise.resolve();
  const app = express();
  app.use(async (_request, _response, next) => {
    await checked();
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

const underWay = async (count: number) => {
  while (working.length < count) await new Promise(setImmediate);
};

describe('bodyRoom', () => {
  it('lets in what there is room for, until something has ended', async () => {
    const first = send('x'.repeat(100));
    const second = send('x'.repeat(100));
    await underWay(2);
    expect(await send('x'.repeat(51))).toBe('overloaded');
    const small = send('x'.repeat(50));
    await underWay(3);
    for (const response of working) response.end('done');
    expect(await Promise.all([first, second, small])).toEqual(['done', 'done', 'done']);
    const again = send('x'.repeat(100));
    await underWay(4);
    working[3]?.end('done');
    expect(await again).toBe('done');
  });

  it('counts a body of unknown length as long as it may be', async () => {
    const first = send(stream());
    const second = send(stream());
    await underWay(2);
    expect(await send(stream())).toBe('overloaded');
    for (const response of working) response.end('done');
    await Promise.all([first, second]);
  });

  it('counts a compressed body as long as it may become', async () => {
    const headers = { 'content-encoding': 'gzip' };
    const first = send('x', { headers });
    const second = send('x', { headers });
    await underWay(2);
    expect(await send('x', { headers })).toBe('overloaded');
    for (const response of working) response.end('done');
    await Promise.all([first, second]);
  });

  it('keeps no room for a caller who went away before', async () => {
    for (let n = 0; n < 5; n++) {
      const ending = new AbortController();
      const steps = new EventEmitter();
      checked = () => {
        steps.emit('asked');
        return once(steps, 'answered');
      };
      const asked = once(steps, 'asked');
      const gone = send('x'.repeat(100), { signal: ending.signal });
      await asked;
      ending.abort();
      await gone.catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 20));
      steps.emit('answered');
    }
    checked = () => Promise.resolve();
    const first = send('x'.repeat(100));
    await underWay(1);
    working[0]?.end('done');
    expect(await first).toBe('done');
  });

  it('counts one that says more than there may be no more than that', async () => {
    const first = send('x'.repeat(5000));
    await underWay(1);
    working[0]?.end('done');
    expect(await first).toBe('done');
  });
});
