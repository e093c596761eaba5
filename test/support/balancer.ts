import { once } from 'node:events';
import {
  Agent,
  createServer,
  request,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

/** Forwards each request to the next of several servers, as a Kubernetes Service does. Skips servers that are down. */
export class Balancer implements AsyncDisposable {
  /** Base URLs without a trailing slash. */
  targets: readonly string[] = [];
  private readonly agent = new Agent({ keepAlive: true });
  private readonly server = createServer((incoming, answer) => {
    void this.forward(incoming, answer);
  });
  private turn = 0;

  private constructor() {}

  static async start(): Promise<Balancer> {
    const balancer = new Balancer();
    balancer.server.listen(0, '127.0.0.1');
    await once(balancer.server, 'listening');
    return balancer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.agent.destroy();
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private async forward(
    incoming: IncomingMessage,
    answer: ServerResponse,
  ): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    for (let tries = 0; tries < this.targets.length; tries++) {
      const target = this.targets[this.turn++ % this.targets.length] as string;
      if (await this.forwardTo(target, incoming, Buffer.concat(chunks), answer)) return;
    }
    answer.writeHead(503).end();
  }

  /** @returns false if no server listens at the target */
  private forwardTo(
    target: string,
    { method, url, headers }: IncomingMessage,
    body: Buffer,
    answer: ServerResponse,
  ): Promise<boolean> {
    return new Promise((resolve) => {
      const options = { method, headers, agent: this.agent };
      const outgoing = request(`${target}${url}`, options, (reply) => {
        answer.writeHead(reply.statusCode ?? 502, reply.headers);
        reply.pipe(answer);
        reply.once('end', () => resolve(true));
        reply.once('error', () => {
          answer.destroy();
          resolve(true);
        });
      });
      outgoing.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ECONNREFUSED') resolve(false);
        else {
          answer.destroy();
          resolve(true);
        }
      });
      outgoing.end(body);
    });
  }
}
