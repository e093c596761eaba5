import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Duplex } from 'node:stream';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { Express, Request, Response } from 'express';
import express from 'express';
import { JOB_ROUTE, jobTokenIn, STATIC_ROUTE } from '../../events/webhook-routes.js';
import { attachRawRequest } from './raw-request.js';
import { expressPrototypes } from './express-prototypes.js';
import { EventLoopMonitor } from './event-loop-monitor.js';
import { BodyReader } from './body-reader.js';
import {
  answerKindOf,
  PrebuiltResponse,
  refusalFor,
  type AnswerOutcome,
} from '../refusals.js';

type Handler = Parameters<ExpressAdapter['post']>[1];

/** The characters of a capability, and its greatest length. */
const TOKEN = /^[A-Za-z0-9._-]{1,2048}$/;

/** Longer than the idle time of the usual load balancers, which must be the ones to hang up. */
const KEEP_ALIVE_MS = 75_000;
const MAX_CONNECTIONS = 4096;
/** Requests of a batch that are uploaded through the internal port may be long. */
const UPLOAD_TIMEOUT_MS = 3_600_000;
const HEADERS_TIMEOUT_MS = 10_000;
/** For requests that were begun before the shutdown, and are not getting on; the ack budget when that is longer. */
const CLOSE_TIMEOUT_MS = 5000;
/** While the event loop is behind by this part of the ack budget, or by this at least … */
const MAX_PART_LATE = 8;
const MIN_LATE_MS = 250;
/** … so many deliveries at a time are taken: a process that is starved by others gets on, too. */
const TAKEN_WHILE_BEHIND = 16;

/**
 * Express for Nest, on two ports.
 *
 * The public listener knows the handlers of the two webhook routes and nothing else: it has
 * no router, so no request can reach an internal route through it. It calls the handler that
 * Nest built for the route (guard, interceptor, controller and filter in it), which without
 * the way through Express's router and middleware also costs 35-40 µs of CPU less.
 * The internal listener is Express with all other routes.
 */
export class TwoPortAdapter extends ExpressAdapter {
  /** While true, deliveries are answered 503 and their connections closed. */
  draining = false;
  /** Told of each answer that was given before any handler ran. */
  onRefusal: (reason: string) => void = () => undefined;
  /** Told of each answer of a handler, and after how many ms it was given. */
  onAnswer: (outcome: AnswerOutcome, tookMs: number) => void = () => undefined;

  readonly internalServer: Server;
  private readonly handlers = new Map<string, Handler>();
  private readonly bodies: BodyReader;
  private readonly loop: EventLoopMonitor;
  private underWay = 0;

  constructor(private readonly ackBudgetMs: number) {
    const app = express();
    app.disable('x-powered-by');
    app.disable('etag');
    super(app);
    this.bodies = new BodyReader(ackBudgetMs);
    this.loop = new EventLoopMonitor(Math.max(ackBudgetMs / MAX_PART_LATE, MIN_LATE_MS));
    this.internalServer = createServer(app);
    this.internalServer.requestTimeout = UPLOAD_TIMEOUT_MS;
  }

  /** Bytes of bodies that are being read or worked on. */
  get heldBytes(): number {
    return this.bodies.heldBytes;
  }

  /** Nest registers its routes here; the webhook routes are for the public listener only. */
  override post(handler: Handler): unknown;
  override post(path: string, handler: Handler): unknown;
  override post(path: string | Handler, handler?: Handler): unknown {
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
    const receive = (request: IncomingMessage, response: ServerResponse): void =>
      this.receive(request as Request, response as unknown as Response);
    const server = createServer(expressPrototypes(this.getInstance<Express>()), receive);
    server.on('checkExpectation', receive); // what a sender expects is no concern of ours
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
    this.loop.close();
    const withinMs = Math.max(CLOSE_TIMEOUT_MS, this.ackBudgetMs);
    const servers = [this.internalServer, this.httpServer as Server];
    await Promise.all(servers.map((server) => ended(server, withinMs)));
    return undefined;
  }

  private receive(request: Request, response: Response): void {
    const at = performance.now();
    const path = request.url.split('?', 1)[0] as string;
    const pathToken = path === STATIC_ROUTE ? undefined : jobTokenIn(path);
    const known = pathToken === undefined ? path === STATIC_ROUTE : TOKEN.test(pathToken);
    const handler = this.handlers.get(pathToken === undefined ? STATIC_ROUTE : JOB_ROUTE);
    if (!known || !handler) return this.refuse(response, 'not-found');
    if (request.method !== 'POST') return this.refuse(response, 'method-not-allowed');
    if (this.draining) return this.refuse(response, 'shutting-down');
    if (this.underWay >= TAKEN_WHILE_BEHIND && this.loop.isBehind(at)) {
      return this.refuse(response, 'overloaded');
    }
    this.bodies.readBody(
      request,
      (body, done) => {
        attachRawRequest(request, { body, pathToken, at });
        this.underWay++;
        // The handler settles within the ack budget. (A response that waits behind another one
        // on its connection never closes when the connection does.)
        void Promise.resolve(handler(request, response, () => undefined)).finally(() => {
          this.underWay--;
          done();
          const outcome = answerKindOf(response);
          if (outcome) this.onAnswer(outcome, performance.now() - at);
        });
      },
      (fault) => this.refuse(response, fault),
    );
  }

  private refuse(response: Response, reason: Parameters<typeof refusalFor>[0]): void {
    this.onRefusal(reason);
    refusalFor(reason).send(response);
  }
}

/** Node would also answer 408, which a sender could take for final. */
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

function ended(server: Server, withinMs: number): Promise<void> {
  return new Promise((resolve) => {
    if (!server.listening) return resolve();
    server.close(() => resolve());
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), withinMs).unref();
  });
}
