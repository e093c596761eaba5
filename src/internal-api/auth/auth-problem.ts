import { ProblemException } from '../problems/problem.exception.js';
import type { ProblemRow } from '../problems/problem-codes.js';
import type { AuthError, AuthFault } from './auth.error.js';
import type { Scope } from '../../config/api-scopes.js';

const PROBLEMS: Readonly<Record<AuthFault, ProblemRow>> = {
  'token-missing': [401, 'unauthenticated', 'a bearer token is required'],
  'token-unknown': [401, 'unauthenticated', 'the bearer token is not known'],
  'token-invalid': [401, 'unauthenticated', 'the bearer token is malformed or not valid'],
  'token-expired': [401, 'unauthenticated', 'the bearer token has expired'],
  'token-audience': [401, 'unauthenticated', 'the bearer token is for another audience'],
  'scope-missing': [403, 'scope-missing', 'the caller lacks the scope of this operation'],
  'rate-limited': [429, 'rate-limited', 'too many calls'],
  'identity-provider-unavailable': [
    503,
    'identity-provider-unavailable',
    'the keys of the token issuer cannot be read now',
  ],
};

/**
 * @param scope the scope that the operation needs.
 * @see https://www.rfc-editor.org/rfc/rfc6750#section-3
 */
export function authProblem(error: AuthError, scope: Scope): ProblemException {
  const [status, code, detail] = PROBLEMS[error.fault];
  const extensions = error.fault === 'scope-missing' ? { scope } : {};
  return new ProblemException(
    status,
    code,
    detail,
    headersOf(error, status, scope),
    extensions,
  );
}

function headersOf(
  { fault, retryAfterSeconds }: AuthError,
  status: number,
  scope: Scope,
): Record<string, string> {
  if (status === 403) {
    const challenge = `Bearer error="insufficient_scope", scope="${scope}"`;
    return { 'WWW-Authenticate': challenge };
  }
  if (status === 401) {
    const isGiven = fault !== 'token-missing';
    return { 'WWW-Authenticate': isGiven ? 'Bearer error="invalid_token"' : 'Bearer' };
  }
  return { 'Retry-After': String(retryAfterSeconds) };
}
