import type { IncomingMessage } from 'node:http';

/** A request as the public listener read it, before the verification. */
export interface RawRequest {
  /** The bytes as sent, for every content type. */
  readonly body: Buffer;
  /** The last segment of a job's path; undefined on the static route. */
  readonly pathToken: string | undefined;
  /** Start of the ack budget, on the clock of `performance.now()`, in ms. */
  readonly at: number;
}

/** Private to this file. (A WeakMap costs the garbage collector 10 µs a request.) */
const RAW_REQUEST = Symbol('raw request');

interface Holder {
  [RAW_REQUEST]?: RawRequest;
}

export function attachRawRequest(
  request: IncomingMessage & Holder,
  raw: RawRequest,
): void {
  request[RAW_REQUEST] = raw;
}

/** @throws {Error} for a request of the internal port. */
export function rawRequestOf(request: IncomingMessage & Holder): RawRequest {
  const raw = request[RAW_REQUEST];
  if (!raw) throw new Error('the request did not come through the public listener');
  return raw;
}
