import { createServer, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { Express, Response } from 'express';
import express from 'express';
import { JOB_ROUTE, STATIC_ROUTE } from '../../events/webhook-routes.js';
import { PrebuiltResponse } from '../refusals.js';
import { expressPrototypes } from './express-prototypes.js';

/** The handler that Nest built for a route: guard, interceptor, controller and filter. */
export type WebhookHandler = Parameters<ExpressAdapter['post']>[1];

/** Longer than the idle time of the usual load balancers, which must be the ones to hang up. */
const KEEP_ALIVE_MS = 75_000;
const MAX_CONNECTIONS = 4096;
/** Uploads of a batch's requests come through the internal port, and may take long. */
const UPLOAD_TIMEOUT_MS = 3_600_000;
const HEADERS_TIMEOUT_MS = 10_000;
/** Requests that began before the shutdown have this long, or the ack budget when that is longer. */
const CLOSE_TIMEOUT_MS = 5000;

/**
 * Express for Nest, on two ports.
 *
 * The two webhook routes stay out of Express: the adapter keeps their handlers for
 * `PublicListener`, which has no router and so cannot reach any other route. Without Express's
 * router and middleware a delivery also costs 35-40 µs of CPU less. All other routes are
 * Express's, on the internal server.
 */
export class TwoPortAdapter extends ExpressAdapter {
  readonly internalServer: Server;
  private readonly handlers = new Map<string, WebhookHandler>();

  constructor(private readonly ackBudgetMs: number) {
    const app = express();
    app.disable('x-powered-by');
    app.disable('etag');
    super(app);
    this.internalServer = createServer(app);
    this.internalServer.requestTimeout = UPLOAD_TIMEOUT_MS;
  }

  /** Has no request listener until `PublicListener` is attached. */
  get publicServer(): Server {
    return this.httpServer;
  }

  /** By route, `STATIC_ROUTE` and `JOB_ROUTE`. */
  get webhookHandlers(): ReadonlyMap<string, WebhookHandler> {
    return this.handlers;
  }

  /** Nest registers its routes here. */
  override post(handler: WebhookHandler): unknown;
  override post(path: string, handler: WebhookHandler): unknown;
  override post(path: string | WebhookHandler, handler?: WebhookHandler): unknown {
    if (typeof path === 'function') return super.post(path);
    if (!handler) throw new TypeError(`no handler for ${path}`);
    if (path !== STATIC_ROUTE && path !== JOB_ROUTE) return super.post(path, handler);
    this.handlers.set(path, handler);
    return undefined;
  }

  /**
   * To be called when Nest has registered its routes, and before a listener opens.
   *
   * @throws {Error} naming the route that no controller handles. Without this check a controller
   *   whose path was changed would be served on the internal port, and every delivery would be
   *   answered 404.
   */
  assertReceiving(): void {
    for (const route of [STATIC_ROUTE, JOB_ROUTE]) {
      if (this.handlers.has(route)) continue;
      throw new Error(
        `refusing to start: no controller handles POST ${route}, so every delivery to it would be answered 404`,
      );
    }
  }

  override initHttpServer(): void {
    const server = createServer(expressPrototypes(this.getInstance<Express>()));
    server.on('clientError', answerUnreadable);
    server.headersTimeout = HEADERS_TIMEOUT_MS;
    server.requestTimeout = this.ackBudgetMs + HEADERS_TIMEOUT_MS;
    server.keepAliveTimeout = KEEP_ALIVE_MS;
    server.maxConnections = MAX_CONNECTIONS;
    this.httpServer = server;
  }

  override reply(response: Response, body: unknown, statusCode?: number): unknown {
    if (body instanceof PrebuiltResponse) return body.send(response);
    return super.reply(response, body, statusCode);
  }

  override async close(): Promise<undefined> {
    const withinMs = Math.max(CLOSE_TIMEOUT_MS, this.ackBudgetMs);
    const servers = [this.internalServer, this.publicServer];
    await Promise.all(servers.map((server) => closed(server, withinMs)));
    return undefined;
  }
}

/** Node.js would also answer 408, which a sender could take for final. */
function answerUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function closed(server: Server, withinMs: number): Promise<void> {
  return new Promise((resolve) => {
    if (!server.listening) return resolve();
    server.close(() => resolve());
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), withinMs).unref();
  });
}
