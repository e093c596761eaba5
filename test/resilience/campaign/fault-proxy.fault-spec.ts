import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FaultProxy } from './fault-proxy.js';

const SOON_MS = 100;

/** A server that sends back the bytes that it receives, and keeps them. */
class Echo implements AsyncDisposable {
  heard = '';
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: net.Server) {}

  static async start(): Promise<Echo> {
    const server = net.createServer();
    const echo = new Echo(server);
    server.on('connection', (socket) => echo.join(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return echo;
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private join(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('data', (chunk) => {
      this.heard += chunk.toString();
      socket.write(chunk);
    });
  }
}

/** A client that keeps the bytes that it receives, and the way its connection ended. */
class Client {
  got = '';
  end: string | undefined;

  constructor(readonly socket: Socket) {
    socket.on('data', (chunk) => (this.got += chunk.toString()));
    socket.on('error', (error: NodeJS.ErrnoException) => (this.end = error.code));
    socket.on('close', () => (this.end ??= 'closed'));
  }

  static to(address: string): Client {
    const [host, port] = address.split(':');
    return new Client(net.connect(Number(port), host));
  }

  say(text: string): void {
    this.socket.write(text);
  }
}

async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 5) {
    if (waited > 5000) throw new Error('the condition was not met within 5 s');
    await delay(5);
  }
}

describe('the proxy of the campaign', () => {
  let echo: Echo;
  let proxy: FaultProxy;
  let client: Client;

  beforeEach(async () => {
    echo = await Echo.start();
    proxy = await FaultProxy.to(echo.address);
    client = Client.to(proxy.address);
    client.say('hello ');
    await until(() => client.got === 'hello ');
  });

  afterEach(async () => {
    client.socket.destroy();
    await proxy[Symbol.asyncDispose]();
    await echo[Symbol.asyncDispose]();
  });

  it('holds both directions without a loss', async () => {
    proxy.strike('hold');
    client.say('held ');
    const late = Client.to(proxy.address);
    late.say('late');
    await delay(SOON_MS);
    expect([echo.heard, client.end, late.end]).toEqual(['hello ', undefined, undefined]);
    proxy.heal();
    await until(() => client.got === 'hello held ' && late.got === 'late');
    late.socket.destroy();
  });

  it('delivers the bytes of a client that died during a hold', async () => {
    proxy.strike('hold');
    client.say('testament');
    await delay(SOON_MS);
    client.socket.destroy();
    proxy.heal();
    await until(() => echo.heard === 'hello testament');
  });

  it('passes requests and drops replies while half open, then resets', async () => {
    proxy.strike('half-open');
    client.say('done');
    await until(() => echo.heard === 'hello done');
    await delay(SOON_MS);
    expect([client.got, client.end]).toEqual(['hello ', undefined]);
    proxy.heal();
    await until(() => client.end === 'ECONNRESET');
    expect(client.got).toBe('hello ');
  });

  it('drops all bytes as a black hole, then resets', async () => {
    proxy.strike('blackhole');
    client.say('gone');
    await delay(SOON_MS);
    expect([echo.heard, client.end]).toEqual(['hello ', undefined]);
    proxy.heal();
    await until(() => client.end === 'ECONNRESET');
  });

  it('resets open and new connections while it refuses', async () => {
    proxy.strike('refuse');
    const late = Client.to(proxy.address);
    await until(() => client.end === 'ECONNRESET' && late.end === 'ECONNRESET');
    proxy.heal();
    const welcome = Client.to(proxy.address);
    welcome.say('again');
    await until(() => welcome.got === 'again');
    welcome.socket.destroy();
  });

  it('resets once', async () => {
    proxy.reset();
    await until(() => client.end === 'ECONNRESET');
    await until(() => proxy.connections === 0);
  });

  it('delays each way, in order', async () => {
    proxy.strike({ delayMs: 50 });
    const startMs = performance.now();
    for (const word of ['one ', 'two ', 'three']) client.say(word);
    await until(() => client.got === 'hello one two three');
    expect(performance.now() - startMs).toBeGreaterThan(95);
    proxy.heal();
  });

  it('cuts a reply in half', async () => {
    proxy.cutReply();
    client.say('12345678');
    await until(() => client.end !== undefined);
    expect(client.got).toBe('hello 1234');
  });

  it('does not buffer megabytes while the client does not read', async () => {
    const text = 'x'.repeat(20 * 1024 * 1024);
    client.socket.pause();
    client.say(text);
    await delay(SOON_MS * 3);
    client.socket.resume();
    await until(() => client.got.length === text.length + 'hello '.length);
  });

  it('connects clients to another server after retarget', async () => {
    await using other = await Echo.start();
    proxy.retarget(other.address);
    await until(() => client.end === 'ECONNRESET');
    const moved = Client.to(proxy.address);
    moved.say('moved');
    await until(() => other.heard === 'moved');
    moved.socket.destroy();
  });

  it('resets clients of a server that does not listen', async () => {
    await echo[Symbol.asyncDispose]();
    const late = Client.to(proxy.address);
    await until(() => late.end === 'ECONNRESET');
    echo = await Echo.start();
  });
});
