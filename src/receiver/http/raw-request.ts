import type { IncomingMessage } from 'node:http';

/** What the public listener knows of a request before anything has looked into it. */
export interface RawRequest {
  /** The bytes as sent, whatever the content type says. */
  readonly body: Buffer;
  /** The last segment of a job's path; undefined on the static route. */
  readonly pathToken: string | undefined;
  /** On the clock of `performance.now()`, in ms: the ack budget starts here. */
  readonly at: number;
}

/** Known to this file only. (A WeakMap costs the garbage collector 10 µs a request.) */
const ARRIVAL = Symbol('arrival');

interface Holder {
  [ARRIVAL]?: RawRequest;
}

export function attachRawRequest(
  request: IncomingMessage & Holder,
  arrival: RawRequest,
): void {
  request[ARRIVAL] = arrival;
}

export function rawRequestOf(request: IncomingMessage & Holder): RawRequest {
  const arrival = request[ARRIVAL];
  if (!arrival) throw new Error('the request did not come through the public listener');
  return arrival;
}
