import { Injectable, Logger, type NestMiddleware } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { Metrics } from '../../infrastructure/metrics/metrics.js';
import { AccessError } from './auth.error.js';
import { accessProblem } from './auth-problem.js';
import { Authenticator } from './authenticator.js';
import { CallRate } from './caller-rate-limit.js';
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
export class AccessMiddleware implements NestMiddleware {
  private readonly logger = new Logger(AccessMiddleware.name);

  constructor(
    private readonly authenticator: Authenticator,
    private readonly rate: CallRate,
    private readonly metrics: Metrics,
  ) {}

  /** @throws {Problem} 401, 403, 429 or 503. */
  async use(request: Request, _response: Response, next: NextFunction): Promise<void> {
    const scope = neededScope(request);
    try {
      // Attached already where the paths of two operations overlap: it then needs both scopes
      const principal = attachedPrincipal(request) ?? (await this.admitted(request));
      if (!principal.scopes.has(scope)) throw new AccessError('scope-missing');
    } catch (error) {
      if (!(error instanceof AccessError)) throw error;
      this.report(error, attachedPrincipal(request)?.name, scope);
      throw accessProblem(error, scope);
    }
    next();
  }

  private async admitted(request: Request): Promise<Principal> {
    const { authorization } = request.headers;
    const principal = await this.authenticator.principalOf(authorization);
    attachPrincipal(request, principal);
    const retryAfterSeconds = this.rate.take(principal.name);
    if (retryAfterSeconds > 0)
      throw new AccessError('rate-limited', { retryAfterSeconds });
    return principal;
  }

  /** At debug level only: the metric counts all, and anybody can send what is refused. */
  private report({ fault }: AccessError, caller: string | undefined, scope: Scope): void {
    this.metrics.apiRefusals.inc({ reason: fault });
    this.logger.debug({ message: 'call refused', reason: fault, caller, scope });
  }
}
