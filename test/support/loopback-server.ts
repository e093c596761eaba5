import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server on loopback that records requests and answers as the test chooses. */
export class LoopbackServer implements AsyncDisposable {
  readonly requests: IncomingMessage[] = [];

  private constructor(
    private readonly server: Server,
    public answer: RequestListener,
  ) {
    server.on('request', (request: IncomingMessage, response) => {
      this.requests.push(request);
      this.answer(request, response);
    });
  }

  static async start(answer: RequestListener = text(404, '')): Promise<LoopbackServer> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new LoopbackServer(server, answer);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }
}

export function json(value: unknown): RequestListener {
  return text(200, JSON.stringify(value));
}

export function text(status: number, body: string, headers = {}): RequestListener {
  return (_request, response) => {
    const all = { 'content-type': 'application/json', ...headers };
    response.writeHead(status, all).end(body);
  };
}

/** Never answers. */
export const hang: RequestListener = () => undefined;
