import { Logger } from '@nestjs/common';
import type { Request, Response } from 'express';
import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AuthError } from '../../../../src/internal-api/auth/auth.error.js';
import { AuthMiddleware } from '../../../../src/internal-api/auth/auth.middleware.js';
import type { Authenticator } from '../../../../src/internal-api/auth/authenticator.js';
import { CallerRateLimit } from '../../../../src/internal-api/auth/caller-rate-limit.js';
import { needs } from '../../../../src/internal-api/auth/needed-scope.js';
import {
  principalOf,
  type Principal,
} from '../../../../src/internal-api/auth/principal.js';
import type { Scope } from '../../../../src/config/api-scopes.js';
import { Metrics } from '../../../../src/infrastructure/metrics/metrics.js';
import { ProblemException } from '../../../../src/internal-api/problems/problem.exception.js';

const READER: Principal = { name: 'token:reader', scopes: new Set(['jobs:read']) };

/** Knows one caller, or fails as the test says. */
class FakeAuthenticator {
  asked = 0;
  answer: () => Promise<Principal> = () => Promise.resolve(READER);

  principalOf(): Promise<Principal> {
    this.asked++;
    return this.answer();
  }
}

let authenticator: FakeAuthenticator;
let metrics: Metrics;
let logged: unknown[];

const ignore = () => undefined;
const debug = (message: unknown) => void logged.push(message);

beforeAll(() =>
  Logger.overrideLogger({ log: ignore, warn: ignore, error: ignore, debug }),
);

beforeEach(() => {
  authenticator = new FakeAuthenticator();
  metrics = new Metrics();
  logged = [];
});

function middlewareOf(perMinute = 0): AuthMiddleware {
  const rate = new CallerRateLimit(perMinute);
  return new AuthMiddleware(authenticator as unknown as Authenticator, rate, metrics);
}

const RESPONSE = {} as Response;

function touched(): never {
  throw new Error('the body was touched');
}

/** A request of which nothing but the headers may be read. */
function unreadRequest(): Request {
  const methods = ['on', 'once', 'read', 'pipe', 'resume'];
  const request = Object.fromEntries(methods.map((name) => [name, touched]));
  const unread = Object.defineProperty(request, 'body', { get: touched });
  return Object.assign(unread, { headers: {} }) as unknown as Request;
}

/** Passes the request on or throws the problem; `also` for overlapping routes. */
async function call(
  middleware: AuthMiddleware,
  scopes: Scope[] = ['jobs:read'],
  request = unreadRequest(),
): Promise<number> {
  let passed = 0;
  for (const scope of scopes) {
    needs(scope)(request, RESPONSE, () => undefined);
    await middleware.use(request, RESPONSE, () => void passed++);
  }
  return passed;
}

const problemOf = async (run: Promise<unknown>): Promise<ProblemException> => {
  const problem = await run.catch((error: unknown) => error);
  expect(problem).toBeInstanceOf(ProblemException);
  return problem as ProblemException;
};

const counted = async () => {
  const { values } = await metrics.apiRefusals.get();
  return values.map(({ labels, value }) => [labels.reason, value]);
};

describe('AuthMiddleware', () => {
  it('lets a caller with the scope pass, and says who it is', async () => {
    const request = unreadRequest();
    expect(() => principalOf(request)).toThrow('AuthMiddleware did not run');
    expect(await call(middlewareOf(), ['jobs:read'], request)).toBe(1);
    expect(principalOf(request)).toBe(READER);
    expect(await counted()).toEqual([]);
    expect(logged).toEqual([]);
  });

  it.each<[ConstructorParameters<typeof AuthError>, object]>([
    [
      ['token-missing'],
      { status: 401, code: 'unauthenticated', headers: { 'WWW-Authenticate': 'Bearer' } },
    ],
    ...(
      ['token-unknown', 'token-invalid', 'token-expired', 'token-audience'] as const
    ).map((fault): [[typeof fault], object] => [
      [fault],
      {
        status: 401,
        code: 'unauthenticated',
        headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' },
      },
    ]),
    [
      ['identity-provider-unavailable', { retryAfterSeconds: 5 }],
      {
        status: 503,
        code: 'identity-provider-unavailable',
        headers: { 'Retry-After': '5' },
      },
    ],
  ])('makes a problem of %j, and counts it', async (parameters, expected) => {
    const error = new AuthError(...parameters);
    authenticator.answer = () => Promise.reject(error);
    const request = unreadRequest();
    const problem = await problemOf(call(middlewareOf(), ['jobs:read'], request));
    expect(problem).toMatchObject(expected);
    expect(await counted()).toEqual([[error.fault, 1]]);
    expect(logged).toEqual([
      {
        message: 'call refused',
        reason: error.fault,
        caller: undefined,
        scope: 'jobs:read',
      },
    ]);
    expect(() => principalOf(request)).toThrow();
  });

  it('refuses a caller without the scope, and says which one', async () => {
    expect(await problemOf(call(middlewareOf(), ['jobs:write']))).toMatchObject({
      status: 403,
      code: 'scope-missing',
      headers: {
        'WWW-Authenticate': 'Bearer error="insufficient_scope", scope="jobs:write"',
      },
      extensions: { scope: 'jobs:write' },
    });
    expect(await counted()).toEqual([['scope-missing', 1]]);
    expect(logged).toMatchObject([{ caller: 'token:reader', scope: 'jobs:write' }]);
  });

  it('refuses who calls too often, and says when to call again', async () => {
    const middleware = middlewareOf(1);
    await call(middleware);
    expect(await problemOf(call(middleware))).toMatchObject({
      status: 429,
      code: 'rate-limited',
      headers: { 'Retry-After': '60' },
    });
    expect(await counted()).toEqual([['rate-limited', 1]]);
  });

  it('counts calls without the scope, too', async () => {
    const middleware = middlewareOf(1);
    await problemOf(call(middleware, ['jobs:write']));
    expect(await problemOf(call(middleware))).toMatchObject({ code: 'rate-limited' });
  });

  it('wants every scope where operations overlap, and asks and counts once', async () => {
    expect(await call(middlewareOf(1), ['jobs:read', 'jobs:read'])).toBe(2);
    expect(authenticator.asked).toBe(1);
    const overlap = call(middlewareOf(), ['jobs:read', 'webhooks:admin']);
    expect(await problemOf(overlap)).toMatchObject({ code: 'scope-missing' });
  });

  it('refuses every call of a route without a scope', async () => {
    const run = middlewareOf().use(unreadRequest(), RESPONSE, () => undefined);
    await expect(run).rejects.toThrow('the route has no scope');
    expect(authenticator.asked).toBe(0);
  });

  it('makes no problem of what is a fault of the bridge', async () => {
    const fault = new TypeError('a bug');
    authenticator.answer = () => Promise.reject(fault);
    await expect(call(middlewareOf())).rejects.toBe(fault);
    expect(await counted()).toEqual([]);
  });
});
