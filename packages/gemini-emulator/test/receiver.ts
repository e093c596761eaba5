import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  readonly path: string;
  readonly id: string;
  readonly timestamp: string;
  readonly signature: string;
  /** Headers in the form that `standardwebhooks` takes. */
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly event: {
    type: string;
    data: Record<string, unknown>;
    [name: string]: unknown;
  };
}

type Answer = (request: Received, response: ServerResponse) => void;

const ok: Answer = (_, response) => response.end('{"status":"published"}');

/** A minimal receiver of webhooks. It keeps every request and answers 200 by default. */
export async function startReceiver(answer: Answer = ok) {
  const requests: Received[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const headers = Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
      );
      const body = Buffer.concat(chunks).toString();
      const received: Received = {
        path: request.url ?? '',
        id: headers['webhook-id'] ?? '',
        timestamp: headers['webhook-timestamp'] ?? '',
        signature: headers['webhook-signature'] ?? '',
        headers,
        body,
        event: JSON.parse(body) as Received['event'],
      };
      requests.push(received);
      answer(received, response);
    })();
  });
  await new Promise<void>((resolve) =>
    server.listen({ port: 0, host: '127.0.0.1' }, resolve),
  );
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hook`,
    port,
    requests,
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

/** Answers these statuses in turn, and 200 after the last. */
export function statuses(...codes: number[]): Answer {
  return (_, response) => {
    response.statusCode = codes.shift() ?? 200;
    response.end();
  };
}
