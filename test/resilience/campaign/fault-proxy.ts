import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import { Pipe, type Passage } from './proxy-pipe.js';

/**
 * What the network does to all connections of a proxy, those that are open and those that come:
 *
 * - `hold`: nothing passes, nothing is lost, and it goes on when the fault is over
 * - `half-open`: requests arrive, replies do not; the server does what the client never hears of
 * - `blackhole`: nothing arrives, and nobody is told
 * - `refuse`: connections are reset, new ones at once
 * - a number of ms: each chunk takes that much longer
 */
export type NetworkFault =
  'hold' | 'half-open' | 'blackhole' | 'refuse' | { readonly delayMs: number };

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  readonly requests: Pipe;
  readonly replies: Pipe;
}

/** Stands between the bridge and a broker or a Redis, for as long as its port is known to them. */
export class FaultProxy implements AsyncDisposable {
  private readonly links = new Set<Link>();
  private fault: NetworkFault | 'none' = 'none';

  private constructor(
    private readonly server: net.Server,
    /** `host:port` of the server behind it. */
    private target: string,
  ) {}

  /** @param listen `host:port`; the kernel chooses the port when it is absent. */
  static async to(target: string, listen = '127.0.0.1:0'): Promise<FaultProxy> {
    // Half open: who has said all that he had to say may still be answered
    const server = net.createServer({ allowHalfOpen: true });
    const proxy = new FaultProxy(server, target);
    server.on('connection', (client) => proxy.join(client));
    server.listen(placeOf(listen));
    await once(server, 'listening');
    return proxy;
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get connections(): number {
    return this.links.size;
  }

  /** Until `heal()`, or the next fault. */
  strike(fault: NetworkFault): void {
    this.fault = fault;
    if (fault === 'refuse') this.reset();
    for (const link of this.links) letPass(link, fault);
  }

  /** Ends the fault. Connections that lost bytes are useless from then on, so they are reset. */
  heal(): void {
    const { fault } = this;
    this.fault = 'none';
    if (fault === 'half-open' || fault === 'blackhole') this.reset();
    for (const link of this.links) letPass(link, 'none');
  }

  /** Cuts all connections, once; new ones are welcome. */
  reset(): void {
    for (const link of this.links) cut(link);
  }

  /** On each connection that is open now the next reply ends in its middle, and so does the connection. */
  cutReply(): void {
    for (const link of this.links) link.replies.cutNext(() => cut(link));
  }

  /** Sends new connections to another server, and cuts those to the old one. */
  retarget(target: string): void {
    this.target = target;
    this.reset();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.reset();
    await closed;
  }

  private join(client: Socket): void {
    client.on('error', ignore);
    if (this.fault === 'refuse') {
      client.resetAndDestroy();
      return;
    }
    const server = net.connect({ ...placeOf(this.target), allowHalfOpen: true });
    server.on('error', () => client.resetAndDestroy());
    const link: Link = {
      client,
      server,
      requests: new Pipe(client, server),
      replies: new Pipe(server, client),
    };
    this.links.add(link);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('close', () => this.leave(link));
    }
    letPass(link, this.fault);
  }

  private leave(link: Link): void {
    if (link.client.destroyed && link.server.destroyed) this.links.delete(link);
  }
}

function letPass({ requests, replies }: Link, fault: NetworkFault | 'none'): void {
  const [there, back] = passages(fault);
  requests.let(there);
  replies.let(back);
}

function passages(fault: NetworkFault | 'none'): [requests: Passage, replies: Passage] {
  if (typeof fault === 'object') return [fault, fault];
  switch (fault) {
    case 'hold':
      return ['wait', 'wait'];
    case 'half-open':
      return ['pass', 'drop'];
    case 'blackhole':
      return ['drop', 'drop'];
    default:
      return ['pass', 'pass'];
  }
}

function cut({ client, server }: Link): void {
  client.resetAndDestroy();
  server.resetAndDestroy();
}

function placeOf(address: string): { host: string; port: number } {
  const at = address.lastIndexOf(':');
  return { host: address.slice(0, at), port: Number(address.slice(at + 1)) };
}

function ignore(): void {}
