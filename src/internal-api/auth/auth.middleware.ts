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
 * Lets a call pass whose caller is known, has calls left and may do it.
 *
 * Middleware and not a guard, because it has to come before the parser of the body:
 * nobody else's megabytes are worth reading. `protect()` puts it there.
 */
@Injectable()
export class AuthMiddleware implements NestMiddleware {
  private readonly logger = new Logger(AuthMiddleware.name);

  constructor(
    private readonly authenticator: Authenticator,
    private readonly rate: CallerRateLimit,
    private readonly metrics: Metrics,
  ) {}

  /** @throws {Problem} 401, 403, 429 or 503. */
  async use(request: Request, _response: Response, next: NextFunction): Promise<void> {
    const scope = neededScope(request);
    try {
      // Attached already where the paths of two operations overlap: it then needs both scopes
      const principal = attachedPrincipal(request) ?? (await this.admitted(request));
      if (!principal.scopes.has(scope)) throw new AuthError('scope-missing');
    } catch (error) {
      if (!(error instanceof AuthError)) throw error;
      this.report(error, attachedPrincipal(request)?.name, scope);
      throw authProblem(error, scope);
    }
    next();
  }

  private async admitted(request: Request): Promise<Principal> {
    const { authorization } = request.headers;
    const principal = await this.authenticator.principalOf(authorization);
    attachPrincipal(request, principal);
    const retryAfterSeconds = this.rate.take(principal.name);
    if (retryAfterSeconds > 0) throw new AuthError('rate-limited', { retryAfterSeconds });
    return principal;
  }

  /** At debug level only: the metric counts all, and anybody can send what is refused. */
  private report({ fault }: AuthError, caller: string | undefined, scope: Scope): void {
    this.metrics.apiRefusals.inc({ reason: fault });
    this.logger.debug({ message: 'call refused', reason: fault, caller, scope });
  }
}
