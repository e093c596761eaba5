import type { IncomingMessage, ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import { InjectConfig } from '../../config/inject-config.js';
import { JOB_ROUTE, jobTokenIn, STATIC_ROUTE } from '../../events/webhook-routes.js';
import { Metrics } from '../../infrastructure/metrics/metrics.js';
import { answerKindOf, refusalFor, type RefusalReason } from '../refusals.js';
import { Admission } from './admission.js';
import { BodyReader } from './body-reader.js';
import { attachRawRequest } from './raw-request.js';
import type { TwoPortAdapter, WebhookHandler } from './two-port.adapter.js';

/** The characters of a capability, and its greatest length. */
const TOKEN = /^[A-Za-z0-9._-]{1,2048}$/;

/** A request's route, and the job's token in it. */
interface Match {
  readonly handler: WebhookHandler;
  /** Undefined on the static route. */
  readonly pathToken: string | undefined;
}

/**
 * Answers the requests on the public port: it matches the path, asks `Admission`, reads the body
 * and calls the handler that Nest built for the route, with guard, interceptor, controller and
 * filter in it. It has no router, so no request can reach an internal route through it.
 */
@Injectable()
export class PublicListener {
  private readonly bodies: BodyReader;

  constructor(
    private readonly admission: Admission,
    private readonly metrics: Metrics,
    @InjectConfig('ackBudgetMs') ackBudgetMs: number,
  ) {
    this.bodies = new BodyReader(ackBudgetMs, admission.held);
  }

  /** Answers the requests of the adapter's public server from now on. */
  attach({ publicServer, webhookHandlers }: TwoPortAdapter): void {
    const answer = (request: IncomingMessage, response: ServerResponse): void =>
      this.answer(request, response, webhookHandlers);
    publicServer.on('request', answer);
    publicServer.on('checkExpectation', answer); // an Expect header changes nothing
  }

  private answer(
    request: IncomingMessage,
    response: ServerResponse,
    handlers: ReadonlyMap<string, WebhookHandler>,
  ): void {
    const at = performance.now();
    const match = matchRoute(request, handlers);
    if (!match) return this.refuse(response, 'not-found');
    if (request.method !== 'POST') return this.refuse(response, 'method-not-allowed');
    const refusal = this.admission.refusalAt(at);
    if (refusal) return this.refuse(response, refusal);
    this.bodies.readBody(
      request,
      (body, done) => {
        attachRawRequest(request, { body, pathToken: match.pathToken, at });
        this.call(match.handler, request, response, at, done);
      },
      (fault) => this.refuse(response, fault),
    );
  }

  /**
   * The body counts as held until the handler settles, which it does within the ack budget. (The
   * response is no measure: one that waits behind another on its connection never closes when the
   * connection does.)
   */
  private call(
    handler: WebhookHandler,
    request: IncomingMessage,
    response: ServerResponse,
    at: number,
    done: () => void,
  ): void {
    const handled: unknown = handler(request, response, () => undefined);
    void Promise.resolve(handled).finally(() => {
      done();
      const kind = answerKindOf(response);
      if (!kind) return;
      const tookMs = performance.now() - at;
      this.metrics.answerSeconds.observe({ outcome: kind }, tookMs / 1000);
    });
  }

  private refuse(response: ServerResponse, reason: RefusalReason): void {
    this.metrics.refusals.inc({ reason });
    refusalFor(reason).send(response);
  }
}

function matchRoute(
  { url = '' }: IncomingMessage,
  handlers: ReadonlyMap<string, WebhookHandler>,
): Match | undefined {
  const path = url.split('?', 1)[0] as string;
  const pathToken = path === STATIC_ROUTE ? undefined : jobTokenIn(path);
  if (pathToken === undefined && path !== STATIC_ROUTE) return undefined;
  if (pathToken !== undefined && !TOKEN.test(pathToken)) return undefined;
  const handler = handlers.get(pathToken === undefined ? STATIC_ROUTE : JOB_ROUTE);
  return handler && { handler, pathToken };
}
