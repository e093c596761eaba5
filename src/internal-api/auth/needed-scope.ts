import { Reflector } from '@nestjs/core';
import type { NextFunction, Request, Response } from 'express';
import type { Scope } from '../../config/api-scopes.js';

/** Names the scope that an operation needs, or all operations of a controller. */
export const NeedsScope = Reflector.createDecorator<Scope>();

/** Known to this file only: what a route needs is not the request's to say. */
const NEEDED = Symbol('needed scope');

interface Holder {
  [NEEDED]?: Scope;
}

/** Middleware that tells `AuthMiddleware` what the route needs. */
export function needs(scope: Scope) {
  return (request: Request, _response: Response, next: NextFunction): void => {
    (request as Holder)[NEEDED] = scope;
    next();
  };
}

/** @throws {Error} on a route that is not protected by `protect()`. */
export function neededScope(request: Request & Holder): Scope {
  const scope = request[NEEDED];
  if (!scope) throw new Error('nothing says which scope this route needs');
  return scope;
}
