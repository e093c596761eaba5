import type { Request, RequestHandler } from 'express';
import { ProblemException } from '../../internal-api/problems/problem.exception.js';

const READ_TIMEOUT_MS = 60_000;

export interface BodyBounds {
  /** Bytes of one body. A body of unknown length, or a compressed one, counts as this many. */
  readonly each: number;
  /** Bytes of all bodies that are read or processed at the same time. */
  readonly all: number;
}

/**
 * Limits the memory of JSON bodies: each is in memory several times while it is validated, hashed
 * and written for Gemini. It refuses bodies beyond the limit, and cuts off a body that takes
 * longer than a minute.
 */
export function limitBodyMemory({ each, all }: BodyBounds): RequestHandler {
  let held = 0;
  return (request, response, next) => {
    // The client disconnected during authentication
    if (request.socket.destroyed) return;
    const length = Math.min(lengthOf(request) ?? each, each);
    if (held + length > all) {
      const detail = 'this replica processes too many large bodies';
      next(new ProblemException(503, 'overloaded', detail, { 'Retry-After': '2' }));
      return;
    }
    held += length;
    const timer = setTimeout(() => request.destroy(), READ_TIMEOUT_MS);
    request.once('close', () => clearTimeout(timer));
    response.once('close', () => (held -= length));
    next();
  };
}

/** @returns undefined if only reading the body shows its length. */
function lengthOf({ headers }: Request): number | undefined {
  const { 'content-length': length, 'content-encoding': encoding = 'identity' } = headers;
  return length === undefined || encoding !== 'identity' ? undefined : Number(length);
}
