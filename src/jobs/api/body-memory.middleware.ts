import type { Request, RequestHandler } from 'express';
import { ProblemException } from '../../internal-api/problems/problem.exception.js';

const READ_TIMEOUT_MS = 60_000;

export interface BodyBounds {
  /** Of one body; one that does not say how long it is, or is compressed, counts as so long. */
  readonly each: number;
  /** Of all that are being read or worked on. */
  readonly all: number;
}

/**
 * Lets bodies in for which there is room: each is in memory several times over while it is
 * checked, hashed and written for Gemini. One that does not come to its end is cut off.
 */
export function limitBodyMemory({ each, all }: BodyBounds): RequestHandler {
  let held = 0;
  return (request, response, next) => {
    // Whoever went away while it was found out who they are
    if (request.socket.destroyed) return;
    const length = Math.min(lengthOf(request) ?? each, each);
    if (held + length > all) {
      const detail = 'too many large bodies are being worked on';
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

/** Undefined where only reading it tells. */
function lengthOf({ headers }: Request): number | undefined {
  const { 'content-length': length, 'content-encoding': encoding = 'identity' } = headers;
  return length === undefined || encoding !== 'identity' ? undefined : Number(length);
}
