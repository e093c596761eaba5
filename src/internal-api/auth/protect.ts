import { RequestMethod, type MiddlewareConsumer, type Type } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/internal';
import { MetadataScanner, Reflector } from '@nestjs/core';
import type { RequestHandler } from 'express';
import { AuthMiddleware } from './auth.middleware.js';
import { NeedsScope, needs } from './needed-scope.js';
import type { Scope } from '../../config/api-scopes.js';

export interface Operation {
  /** Name of the controller's method. */
  readonly handler: string;
  /** In the form of Express: `/v1/jobs/:id`. */
  readonly path: string;
  readonly method: RequestMethod;
  readonly scope: Scope;
}

type Handler = (...args: never[]) => unknown;

/**
 * Applies authentication, and then the other middleware, to each operation of the controllers.
 * The module must import `AuthModule`.
 *
 * Each operation gets a `forRoutes()` of its own: in one call Nest would drop a path that another
 * one covers (`jobs/search` beside `jobs/:id`), and with it the scope of that path.
 *
 * @throws {Error} for an operation without `@NeedsScope()`, so that the service does not start.
 */
export function protect(
  consumer: MiddlewareConsumer,
  controllers: readonly Type[],
  ...others: RequestHandler[]
): void {
  for (const { scope, path, method } of controllers.flatMap(operationsOf)) {
    const route = { path, method };
    consumer.apply(needs(scope), AuthMiddleware, ...others).forRoutes(route);
  }
}

/** @throws {Error} for an operation without `@NeedsScope()`. */
export function operationsOf(controller: Type): Operation[] {
  const prototype = controller.prototype as Record<string, Handler>;
  return new MetadataScanner().getAllMethodNames(prototype).flatMap((name) => {
    const handler = prototype[name] as Handler;
    const method = Reflect.getMetadata(METHOD_METADATA, handler) as
      RequestMethod | undefined;
    if (method === undefined) return [];
    const scope = new Reflector().getAllAndOverride(NeedsScope, [handler, controller]);
    if (!scope) throw new Error(`${controller.name}.${name} needs @NeedsScope()`);
    return pathsOf(controller, handler).map((path) => ({
      handler: name,
      path,
      method,
      scope,
    }));
  });
}

/** Both decorators take one path or a list of paths. */
function pathsOf(controller: Type, handler: Handler): string[] {
  const [prefixes, paths] = [controller, handler].map((target) =>
    [Reflect.getMetadata(PATH_METADATA, target) as string | string[]].flat(),
  ) as [string[], string[]];
  return prefixes.flatMap((prefix) => paths.map((path) => joinPath(prefix, path)));
}

function joinPath(...parts: string[]): string {
  const bare = parts.map((part) => part.replace(/^\/+|\/+$/g, ''));
  return `/${bare.filter((part) => part !== '').join('/')}`;
}
