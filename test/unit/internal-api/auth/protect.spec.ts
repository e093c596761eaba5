import {
  All,
  Controller,
  Get,
  Post,
  RequestMethod,
  type MiddlewareConsumer,
  type Type,
} from '@nestjs/common';
import type { Request, RequestHandler, Response } from 'express';
import { describe, expect, it } from '@jest/globals';
import { AuthMiddleware } from '../../../../src/internal-api/auth/auth.middleware.js';
import {
  neededScope,
  NeedsScope,
} from '../../../../src/internal-api/auth/needed-scope.js';
import { protect } from '../../../../src/internal-api/auth/protect.js';

const parser: RequestHandler = (_request, _response, next) => next();

interface Applied {
  readonly middleware: readonly unknown[];
  readonly routes: readonly unknown[];
}

/** Notes what was applied to what. */
class RecordingConsumer {
  readonly applied: Applied[] = [];

  apply(...middleware: unknown[]) {
    return {
      forRoutes: (...routes: unknown[]) => this.applied.push({ middleware, routes }),
    };
  }
}

/** `METHOD path scope` of each operation. */
function protectedOperations(...controllers: Type[]): string[] {
  const consumer = new RecordingConsumer();
  protect(consumer as unknown as MiddlewareConsumer, controllers, parser);
  return consumer.applied.map(
    ({ middleware: [needs, access, after, ...more], routes }) => {
      expect([access, after, more]).toEqual([AuthMiddleware, parser, []]);
      expect(routes).toHaveLength(1);
      const { method, path } = routes[0] as { method: RequestMethod; path: string };
      const request = {} as Request;
      (needs as RequestHandler)(request, {} as Response, () => undefined);
      return `${RequestMethod[method]} ${path} ${neededScope(request)}`;
    },
  );
}

@Controller('v1')
class Jobs {
  @Post('batches')
  @NeedsScope('jobs:write')
  submit(): void {}

  @Get('jobs/:id')
  @NeedsScope('jobs:read')
  find(): void {}

  @Get('jobs/search')
  @NeedsScope('jobs:write')
  search(): void {}

  /** No operation. */
  helper(): void {}
}

@Controller('/v1/webhooks/')
@NeedsScope('webhooks:admin')
class Webhooks {
  @Get()
  list(): void {}

  @All(['/:id', '/:id/secret'])
  any(): void {}

  @Get('/public/')
  @NeedsScope('jobs:read')
  open(): void {}
}

class More extends Jobs {}
Controller(['v2', 'v3'])(More);

@Controller('v1')
class Forgetful {
  @Get('secrets')
  find(): void {}
}

describe('protect', () => {
  it('puts access control, then the others, before each operation by itself', () => {
    expect(protectedOperations(Jobs)).toEqual([
      'POST /v1/batches jobs:write',
      'GET /v1/jobs/:id jobs:read',
      'GET /v1/jobs/search jobs:write',
    ]);
  });

  it('takes the scope of the controller where the operation names none', () => {
    expect(protectedOperations(Webhooks)).toEqual([
      'GET /v1/webhooks webhooks:admin',
      'ALL /v1/webhooks/:id webhooks:admin',
      'ALL /v1/webhooks/:id/secret webhooks:admin',
      'GET /v1/webhooks/public jobs:read',
    ]);
  });

  it('knows inherited operations, and all paths', () => {
    const operations = protectedOperations(More);
    expect(operations).toHaveLength(6);
    expect(operations).toContain('POST /v3/batches jobs:write');
  });

  it('throws for an operation without a scope, so that the service does not start', () => {
    expect(() => protectedOperations(Jobs, Forgetful)).toThrow('Forgetful.find');
  });
});
