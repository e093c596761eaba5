import type { Request } from 'express';
import type { PublishPermit } from '../publishing/event-publisher.js';
import type { Capability } from '../signature/capability.js';
import type { Proof } from '../signature/proof.js';
import type { DeliveryTrace } from './tracing/delivery-trace.js';

/** A request that `VerificationGuard` has accepted. Later stages read nothing else of the request. */
export interface Delivery {
  /** Dedupe key: the scope, the id that the signature covers, and the hash of an unbound body. */
  readonly key: string;
  /** The route, `static` or `jobs/<job id>`. */
  readonly scope: string;
  /** SHA-256, base64url, of a body that the proof does not bind. */
  readonly bodyHash: string | undefined;
  readonly proof: Proof;
  /** The job whose path the delivery came by; undefined on the static route. */
  readonly capability: Capability | undefined;
  readonly trace: DeliveryTrace;
  /** Unix time in ms. */
  readonly receivedAt: number;
  /** When the answer has to be given, on the clock of `performance.now()`, in ms. */
  readonly deadline: number;
}

/** Private to this file, so that a request cannot bring a delivery of its own. */
const DELIVERY = Symbol('delivery');
const PERMIT = Symbol('permit');

interface Holder {
  [DELIVERY]?: Delivery;
  [PERMIT]?: PublishPermit;
}

export function attachDelivery(request: Request & Holder, delivery: Delivery): void {
  request[DELIVERY] = delivery;
}

/** The trace id in the record's `traceparent`; undefined before the guard has passed. */
export function traceIdOf(request: Request & Holder): string | undefined {
  return request[DELIVERY]?.trace.traceId;
}

/** @throws {Error} when the route has no `VerificationGuard`. */
export function deliveryOf(request: Request & Holder): Delivery {
  const delivery = request[DELIVERY];
  if (!delivery) throw new Error('VerificationGuard did not run on this route');
  return delivery;
}

/**
 * The job whose path the request came by.
 *
 * @throws {Error} on the static route.
 */
export function capabilityOf(request: Request & Holder): Capability {
  const { capability } = deliveryOf(request);
  if (!capability) throw new Error('VerificationGuard found no capability');
  return capability;
}

export function attachPermit(request: Request & Holder, permit: PublishPermit): void {
  request[PERMIT] = permit;
}

/** @throws {Error} when the route has no `DedupeInterceptor`. */
export function permitOf(request: Request & Holder): PublishPermit {
  const permit = request[PERMIT];
  if (!permit) throw new Error('DedupeInterceptor did not run on this route');
  return permit;
}
