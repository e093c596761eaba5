import { createHash } from 'node:crypto';
import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import { InjectConfig } from '../config/inject-config.js';
import { jobScope } from '../jobs/job-event-ids.js';
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

/** Lets a request pass only with a valid signature, and attaches the `Delivery` to it. */
@Injectable()
export class VerificationGuard implements CanActivate {
  constructor(
    private readonly verifier: SignatureVerifier,
    private readonly tracing: Tracing,
    private readonly metrics: Metrics,
    @InjectConfig('ackBudgetMs') private readonly ackBudgetMs: number,
  ) {}

  /** @returns a promise where keys or secrets may have to be fetched; most static webhooks need none. */
  canActivate(context: ExecutionContext): true | Promise<true> {
    const request = context.switchToHttp().getRequest<Request>();
    const raw = rawRequestOf(request);
    return raw.pathToken === undefined
      ? this.verifyStatic(request, raw)
      : this.verifyForJob(request, raw, raw.pathToken);
  }

  private verifyStatic(request: Request, raw: RawRequest): true | Promise<true> {
    const proof = this.verifier.verifyStatic(request.headers, raw.body, Date.now());
    if (!(proof instanceof Promise)) return this.accept(request, raw, proof);
    const accepted = proof.then((found) => this.accept(request, raw, found));
    return withDeadline(accepted, this.deadlineOf(raw));
  }

  private verifyForJob(
    request: Request,
    raw: RawRequest,
    pathToken: string,
  ): Promise<true> {
    const accepted = this.verifier
      .verifyDynamic(pathToken, request.headers, raw.body, Date.now())
      .then(({ proof, capability }) => this.accept(request, raw, proof, capability));
    return withDeadline(accepted, this.deadlineOf(raw));
  }

  private deadlineOf({ at }: RawRequest): number {
    return at + this.ackBudgetMs;
  }

  private accept(
    request: Request,
    raw: RawRequest,
    proof: Proof,
    capability?: Capability,
  ): true {
    this.metrics.verified(proof.timestamp, raw.at);
    const scope = capability === undefined ? STATIC_SCOPE : jobScope(capability.jobId);
    const bodyHash = unboundBodyHash(proof);
    attachDelivery(request, {
      key: dedupeKey(scope, proof.id, bodyHash),
      scope,
      bodyHash,
      proof,
      capability,
      trace: new DeliveryTrace(this.tracing, raw.at, {
        'messaging.message.id': proof.id,
        'bridge.scheme': proof.scheme,
        'bridge.scope': scope,
      }),
      receivedAt: Date.now(),
      deadline: this.deadlineOf(raw),
    });
    return true;
  }
}

/** A stolen token that binds no body can come with a forged one, which needs a key of its own. */
function unboundBodyHash({ bodyBound, body }: Proof): string | undefined {
  return bodyBound ? undefined : createHash('sha256').update(body).digest('base64url');
}
