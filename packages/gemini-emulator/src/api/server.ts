import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { isIPv6, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError } from '../api-error.js';
import type { Fault, FaultPlan } from '../control/faults.js';
import {
  chunksOf,
  drain,
  match,
  readBody,
  write,
  type Call,
  type Reply,
  type Route,
} from './http.js';

const DEFAULT_DELAY_MS = 1000;
const DEFAULT_STATUS = 503;

/** Runs before and after the handler of every route. */
export interface Middleware {
  /** @throws {ApiError} the answer to a caller that is refused */
  readonly admit: (route: Route, call: Call) => void;
  readonly finish: (reply: Reply, call: Call) => Reply;
}

/** An HTTP server for a table of routes, with planned faults. */
export class RouteServer {
  private readonly server: Server;

  constructor(
    private readonly routes: readonly Route[],
    private readonly faults: FaultPlan,
    private readonly middleware: Middleware,
  ) {
    this.server = createServer((request, response) => {
      void this.serve(request, response);
    });
  }

  /** @returns the base URL without a slash at the end */
  async listen(port: number, host: string): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ port, host }, resolve);
    });
    const { port: bound } = this.server.address() as AddressInfo;
    const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
    return `http://${isIPv6(name) ? `[${name}]` : name}:${bound}`;
  }

  /** Cuts all connections, also those of calls that get no answer. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const reply = await this.reply(request);
      if (reply === 'drop') request.socket.destroy();
      else if (reply !== 'hang') await answer(request, response, reply);
    } catch (error) {
      if (request.destroyed && !request.complete) return;
      const known = error instanceof ApiError ? error : new ApiError(500, String(error));
      await answer(request, response, { status: known.code, body: known });
    }
  }

  private async reply(request: IncomingMessage): Promise<Reply | 'hang' | 'drop'> {
    const url = new URL(request.url ?? '/', 'http://emulator');
    const method = request.method ?? 'GET';
    const found = match(this.routes, method, url);
    const streams = found?.route.streams?.(url) ?? false;
    const body = streams ? Buffer.alloc(0) : await readBody(request);
    if (!found) throw new ApiError(404, `${method} ${url.pathname} is not emulated.`);
    const { route, path } = found;
    const { headers } = request;
    const call: Call = { method, url, headers, path, body, stream: chunksOf(request) };
    this.middleware.admit(route, call);
    const fault = this.faults.next(route.name);
    const before = fault && (await beforeWork(fault));
    if (before) return before;
    const reply = await route.handle(call);
    if (reply === undefined) return 'hang';
    return (fault && afterWork(fault)) ?? this.middleware.finish(reply, call);
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  reply: Reply,
): Promise<void> {
  try {
    await drain(request);
  } catch {
    return; // The client has disconnected
  }
  write(response, reply);
}

async function beforeWork(fault: Fault): Promise<Reply | 'hang' | 'drop' | undefined> {
  if (fault.kind === 'status') return failure(fault);
  if (fault.kind === 'hang' || fault.kind === 'drop') return fault.kind;
  if (fault.kind === 'delay') {
    await sleep(fault.delayMs ?? DEFAULT_DELAY_MS, undefined, { ref: false });
  }
  return undefined;
}

function afterWork(fault: Fault): Reply | 'hang' | 'drop' | undefined {
  if (fault.kind === 'accept-then-status') return failure(fault);
  if (fault.kind === 'accept-then-hang') return 'hang';
  return fault.kind === 'accept-then-drop' ? 'drop' : undefined;
}

function failure(fault: Fault): Reply {
  const { status = DEFAULT_STATUS, headers = {}, retryAfterSeconds: seconds } = fault;
  const message = 'An emulated failure.';
  if (seconds === undefined) {
    return { status, headers, body: new ApiError(status, message) };
  }
  const retryInfo = {
    '@type': 'type.googleapis.com/google.rpc.RetryInfo',
    retryDelay: `${seconds}s`,
  };
  return {
    status,
    // The header has whole seconds
    headers: { 'Retry-After': String(Math.ceil(seconds)), ...headers },
    body: new ApiError(status, message, [retryInfo]),
  };
}
