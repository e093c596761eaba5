import type { Request } from 'express';
import type { PublishPermit } from '../publishing/event-publisher.js';
import type { Capability } from '../signature/capability.js';
import type { Proof } from '../signature/proof.js';
import type { DeliveryTrace } from './tracing/delivery-trace.js';

/** What the guard established about a request. Later stages read this and nothing else. */
export interface Delivery {
  /**
   * What a repeat has in common with the first: the route's scope and the id that the
   * signature covers. A job's path is a scope of its own, so that a delivery replayed to
   * another job's path cannot pass for that job's.
   */
  readonly key: string;
  readonly scope: string;
  /** Of a body that the proof does not bind, base64url: part of the key. */
  readonly bodyHash: string | undefined;
  readonly proof: Proof;
  /** The job whose path this came by; undefined on the static route. */
  readonly capability: Capability | undefined;
  readonly trace: DeliveryTrace;
  /** Unix time in ms. */
  readonly receivedAt: number;
  /** On the clock of `performance.now()`, in ms: when the answer has to be given. */
  readonly deadline: number;
}

/** Known to this file only: a request cannot come with a delivery of its own. */
const DELIVERY = Symbol('delivery');
const PERMIT = Symbol('permit');

interface Holder {
  [DELIVERY]?: Delivery;
  [PERMIT]?: PublishPermit;
}

export function attachDelivery(request: Request & Holder, delivery: Delivery): void {
  request[DELIVERY] = delivery;
}

/** What ties the log to the record's `traceparent`; undefined before the guard has passed. */
export function traceIdOf(request: Request & Holder): string | undefined {
  return request[DELIVERY]?.trace.traceId;
}

export function deliveryOf(request: Request & Holder): Delivery {
  const delivery = request[DELIVERY];
  if (!delivery) throw new Error('VerificationGuard did not run on this route');
  return delivery;
}

/** The job whose path the request came by. */
export function capabilityOf(request: Request & Holder): Capability {
  const { capability } = deliveryOf(request);
  if (!capability) throw new Error('VerificationGuard found no capability');
  return capability;
}

export function attachPermit(request: Request & Holder, permit: PublishPermit): void {
  request[PERMIT] = permit;
}

export function permitOf(request: Request & Holder): PublishPermit {
  const permit = request[PERMIT];
  if (!permit) throw new Error('DedupeInterceptor did not run on this route');
  return permit;
}
