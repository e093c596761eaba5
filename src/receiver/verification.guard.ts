import { createHash } from 'node:crypto';
import {
  Injectable,
  type CanActivate,
  type ExecutionContext,
  Inject,
} from '@nestjs/common';
import type { Request } from 'express';
import { CONFIG, type Config } from '../config/config.js';
import { jobScope } from '../jobs/job-events.js';
import { dedupeKey, STATIC_SCOPE } from '../publishing/dedupe-key.js';
import { Metrics } from '../infrastructure/metrics/metrics.js';
import { rawRequestOf, type RawRequest } from './http/raw-request.js';
import type { Capability } from '../signature/capability.js';
import type { Proof } from '../signature/proof.js';
import { SignatureVerifier } from '../signature/signature-verifier.js';
import { withDeadline } from '../infrastructure/timing/deadline.js';
import { Tracing } from '../infrastructure/tracing/tracing.js';
import { attachDelivery } from './delivery.js';
import { DeliveryTrace } from './tracing/delivery-trace.js';

/** Lets a request pass only when its raw bytes are accounted for by a signature. */
@Injectable()
export class VerificationGuard implements CanActivate {
  constructor(
    private readonly verifier: SignatureVerifier,
    private readonly tracing: Tracing,
    private readonly metrics: Metrics,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** At once for most static webhooks; a promise where keys or secrets may have to be fetched. */
  canActivate(context: ExecutionContext): true | Promise<true> {
    const request = context.switchToHttp().getRequest<Request>();
    const arrival = rawRequestOf(request);
    const { body, pathToken } = arrival;
    if (pathToken === undefined) {
      const proof = this.verifier.verifyStatic(request.headers, body, Date.now());
      if (!(proof instanceof Promise)) return this.pass(request, arrival, proof);
      const later = proof.then((found) => this.pass(request, arrival, found));
      return withDeadline(later, this.deadlineOf(arrival));
    }
    const verified = this.verifier
      .verifyDynamic(pathToken, request.headers, body, Date.now())
      .then(({ proof, capability }) => this.pass(request, arrival, proof, capability));
    return withDeadline(verified, this.deadlineOf(arrival));
  }

  private deadlineOf({ at }: RawRequest): number {
    return at + this.config.ackBudgetMs;
  }

  private pass(
    request: Request,
    arrival: RawRequest,
    proof: Proof,
    capability?: Capability,
  ): true {
    this.metrics.verified(proof.timestamp, arrival.at);
    const scope = capability === undefined ? STATIC_SCOPE : jobScope(capability.jobId);
    const bodyHash = bodyHashOf(proof);
    attachDelivery(request, {
      key: dedupeKey(scope, proof.id, bodyHash),
      scope,
      bodyHash,
      proof,
      capability,
      trace: new DeliveryTrace(this.tracing, arrival.at, {
        'messaging.message.id': proof.id,
        'bridge.scheme': proof.scheme,
        'bridge.scope': scope,
      }),
      receivedAt: Date.now(),
      deadline: this.deadlineOf(arrival),
    });
    return true;
  }
}

/** A token that binds no body may come with anybody's: a forgery must not stand for the event. */
function bodyHashOf({ bodyBound, body }: Proof): string | undefined {
  return bodyBound ? undefined : createHash('sha256').update(body).digest('base64url');
}
