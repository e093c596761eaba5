import { Reflector } from '@nestjs/core';
import type { NextFunction, Request, Response } from 'express';
import type { Scope } from '../../config/api-scopes.js';

/** Decorates a handler, or a controller for all its handlers, with the scope that it needs. */
export const NeedsScope = Reflector.createDecorator<Scope>();

/** Private to this file, so that nothing else can set the scope of a request. */
const NEEDED = Symbol('needed scope');

interface Holder {
  [NEEDED]?: Scope;
}

/** Middleware that sets the scope which `AuthMiddleware` then checks. */
export function needs(scope: Scope) {
  return (request: Request, _response: Response, next: NextFunction): void => {
    (request as Holder)[NEEDED] = scope;
    next();
  };
}

/** @throws {Error} on a route without `protect()`. */
export function neededScope(request: Request & Holder): Scope {
  const scope = request[NEEDED];
  if (!scope)
    throw new Error('the route has no scope: apply protect() to its controller');
  return scope;
}
