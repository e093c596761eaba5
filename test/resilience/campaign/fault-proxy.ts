import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import { Pipe, type Passage } from './proxy-pipe.js';

/**
 * A fault of the network. It applies to all connections of a proxy, open ones and new ones:
 *
 * - `hold`: bytes are held back and passed on when the fault ends
 * - `half-open`: requests arrive, replies are dropped
 * - `blackhole`: bytes are dropped both ways, without an error
 * - `refuse`: open connections are reset, new ones are reset at once
 * - `delayMs`: each chunk arrives later by this
 */
export type NetworkFault =
  'hold' | 'half-open' | 'blackhole' | 'refuse' | { readonly delayMs: number };

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  readonly requests: Pipe;
  readonly replies: Pipe;
}

/** A TCP proxy between the bridge and a broker or Redis, which can fail like a network. */
export class FaultProxy implements AsyncDisposable {
  private readonly links = new Set<Link>();
  private fault: NetworkFault | 'none' = 'none';

  private constructor(
    private readonly server: net.Server,
    /** `host:port` of the server behind the proxy. */
    private target: string,
  ) {}

  /** @param listen `host:port` of the proxy; by default a free port */
  static async to(target: string, listen = '127.0.0.1:0'): Promise<FaultProxy> {
    // Half-open connections are allowed: a client that has closed its side may still get its answer
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

  /** Begins a fault, which lasts until `heal()` or the next fault. */
  strike(fault: NetworkFault): void {
    this.fault = fault;
    if (fault === 'refuse') this.reset();
    for (const link of this.links) setFault(link, fault);
  }

  /** Ends the fault. Connections that lost bytes cannot be used any more, so they are reset. */
  heal(): void {
    const { fault } = this;
    this.fault = 'none';
    if (fault === 'half-open' || fault === 'blackhole') this.reset();
    for (const link of this.links) setFault(link, 'none');
  }

  /** Resets all open connections, once. New ones are accepted. */
  reset(): void {
    for (const link of this.links) cut(link);
  }

  /** Cuts each open connection in the middle of its next reply. */
  cutReply(): void {
    for (const link of this.links) link.replies.cutNext(() => cut(link));
  }

  /** Connects new clients to another server, and resets the connections to the old one. */
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
    setFault(link, this.fault);
  }

  private leave(link: Link): void {
    if (link.client.destroyed && link.server.destroyed) this.links.delete(link);
  }
}

function setFault({ requests, replies }: Link, fault: NetworkFault | 'none'): void {
  const [there, back] = passages(fault);
  requests.setPassage(there);
  replies.setPassage(back);
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
