import type { Request } from 'express';
import type { Scope } from '../../config/api-scopes.js';

/** Who calls the internal API. */
export interface Principal {
  /**
   * `token:<name or fingerprint>`, `oidc:<sub>` or `anyone`: the kind is a part of it, so
   * that no two callers share one. At most 260 characters of visible ASCII and blanks.
   */
  readonly name: string;
  readonly scopes: ReadonlySet<Scope>;
}

/** Known to this file only: a request cannot come with a principal of its own. */
const PRINCIPAL = Symbol('principal');

interface Holder {
  [PRINCIPAL]?: Principal;
}

export function attachPrincipal(request: Request & Holder, principal: Principal): void {
  request[PRINCIPAL] = principal;
}

/** Undefined before `AuthMiddleware` has let the request pass. */
export function attachedPrincipal(request: Request & Holder): Principal | undefined {
  return request[PRINCIPAL];
}

/** @throws {Error} on a route that is not protected. */
export function principalOf(request: Request): Principal {
  const principal = attachedPrincipal(request);
  if (!principal) throw new Error('AccessMiddleware did not run on this route');
  return principal;
}
