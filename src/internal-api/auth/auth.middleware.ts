import { Injectable, Logger, type NestMiddleware } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { Metrics } from '../../infrastructure/metrics/metrics.js';
import { AuthError } from './auth.error.js';
import { authProblem } from './auth-problem.js';
import { Authenticator } from './authenticator.js';
import { CallerRateLimit } from './caller-rate-limit.js';
import { neededScope } from './needed-scope.js';
import { attachedPrincipal, attachPrincipal, type Principal } from './principal.js';
import type { Scope } from '../../config/api-scopes.js';

/**
 * Checks the token, the rate limit and the scope of a call.
 *
 * It is middleware and not a guard, because guards run after the body parser: the bridge reads
 * no megabytes of callers without a token. `protect()` applies it.
 */
@Injectable()
export class AuthMiddleware implements NestMiddleware {
  private readonly logger = new Logger(AuthMiddleware.name);

  constructor(
    private readonly authenticator: Authenticator,
    private readonly rateLimit: CallerRateLimit,
    private readonly metrics: Metrics,
  ) {}

  /** @throws {ProblemException} 401, 403, 429 or 503. */
  async use(request: Request, _response: Response, next: NextFunction): Promise<void> {
    const scope = neededScope(request);
    try {
      // The middleware runs twice where the paths of two operations overlap: both scopes are needed
      const principal = attachedPrincipal(request) ?? (await this.authenticate(request));
      if (!principal.scopes.has(scope)) throw new AuthError('scope-missing');
    } catch (error) {
      if (!(error instanceof AuthError)) throw error;
      this.report(error, attachedPrincipal(request)?.name, scope);
      throw authProblem(error, scope);
    }
    next();
  }

  private async authenticate(request: Request): Promise<Principal> {
    const { authorization } = request.headers;
    const principal = await this.authenticator.principalOf(authorization);
    attachPrincipal(request, principal);
    const retryAfterSeconds = this.rateLimit.acquire(principal.name);
    if (retryAfterSeconds > 0) throw new AuthError('rate-limited', { retryAfterSeconds });
    return principal;
  }

  /** Logs at debug level only: a client without a token could otherwise flood the log. */
  private report({ fault }: AuthError, caller: string | undefined, scope: Scope): void {
    this.metrics.apiRefusals.inc({ reason: fault });
    this.logger.debug({ message: 'call refused', reason: fault, caller, scope });
  }
}
