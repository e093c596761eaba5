import type { Request } from 'express';
import type { Scope } from '../../config/api-scopes.js';

/** A caller of the internal API. */
export interface Principal {
  /**
   * `token:<name or fingerprint>`, `oidc:<sub>` or `anyone`. The prefix keeps a file token and
   * an OIDC subject of the same name apart. At most 260 characters of visible ASCII and blanks.
   */
  readonly name: string;
  readonly scopes: ReadonlySet<Scope>;
}

/** Private to this file, so that nothing else can set the principal of a request. */
const PRINCIPAL = Symbol('principal');

interface Holder {
  [PRINCIPAL]?: Principal;
}

export function attachPrincipal(request: Request & Holder, principal: Principal): void {
  request[PRINCIPAL] = principal;
}

/** @returns undefined before `AuthMiddleware` has authenticated the request. */
export function attachedPrincipal(request: Request & Holder): Principal | undefined {
  return request[PRINCIPAL];
}

/** @throws {Error} on a route without `protect()`. */
export function principalOf(request: Request): Principal {
  const principal = attachedPrincipal(request);
  if (!principal)
    throw new Error(
      'AuthMiddleware did not run on this route: apply protect() to its controller',
    );
  return principal;
}
