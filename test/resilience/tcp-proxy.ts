import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';

/** A TCP proxy between the bridge and a server, which can drop the requests or the replies. */
export class TcpProxy implements AsyncDisposable {
  private readonly sockets = new Set<Socket>();
  private readonly held = { requests: false, replies: false };

  private constructor(
    private readonly server: net.Server,
    readonly port: number,
  ) {}

  static async to(host: string, port: number): Promise<TcpProxy> {
    const server = net.createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new TcpProxy(server, (server.address() as AddressInfo).port);
    server.on('connection', (client) => proxy.join(client, net.connect(port, host)));
    return proxy;
  }

  /** Drops the bytes of the bridge. */
  holdRequests(): void {
    this.held.requests = true;
  }

  /** Drops the bytes of the server, which still processes the requests. */
  holdReplies(): void {
    this.held.replies = true;
  }

  /** Stops dropping bytes, and closes all connections, because they may have lost some. */
  release(): void {
    this.held.requests = false;
    this.held.replies = false;
    for (const socket of this.sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private join(client: Socket, server: Socket): void {
    this.pass(client, server, 'requests');
    this.pass(server, client, 'replies');
  }

  private pass(from: Socket, to: Socket, direction: 'requests' | 'replies'): void {
    this.sockets.add(from);
    from.on('data', (chunk) => {
      if (!this.held[direction]) to.write(chunk);
    });
    from.on('error', () => undefined);
    from.on('close', () => {
      this.sockets.delete(from);
      to.destroy();
    });
  }
}
