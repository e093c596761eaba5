import type { IncomingMessage } from 'node:http';

/** What the public listener knows of a request before anything has looked into it. */
export interface Arrival {
  /** The bytes as sent, whatever the content type says. */
  readonly body: Buffer;
  /** The last segment of a job's path; undefined on the static route. */
  readonly pathToken: string | undefined;
  /** On the clock of `performance.now()`, in ms: the ack budget starts here. */
  readonly at: number;
}

const arrivals = new WeakMap<IncomingMessage, Arrival>();

export function attachArrival(request: IncomingMessage, arrival: Arrival): void {
  arrivals.set(request, arrival);
}

export function arrivalOf(request: IncomingMessage): Arrival {
  const arrival = arrivals.get(request);
  if (!arrival) throw new Error('the request did not come through the public listener');
  return arrival;
}
