import { decodeProtectedHeader, errors, jwtVerify, type JWTPayload } from 'jose';
import type { Config } from '../../config/config.js';
import { KeysUnavailableError } from '../../infrastructure/jwks/remote-keys.js';
import { AuthError, type AuthFault } from './auth.error.js';
import { IssuerKeys, type KeyResolver } from './issuer-keys.js';
import type { Principal } from './principal.js';
import { SCOPES, type Scope } from '../../config/api-scopes.js';

type OidcSettings = NonNullable<Config['access']['oidc']>;

const JWS = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/;
/** Asymmetric ones: with a public key for a secret, anybody could sign. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
const CLOCK_TOLERANCE_SECONDS = 30;
/** OpenID Connect's own bound. */
const SUBJECT = /^[\x20-\x7e]{1,255}$/;
const RETRY_AFTER_SECONDS = 5;

/** True for what looks like a compact JWS. */
export function isJws(token: string): boolean {
  return JWS.test(token);
}

/** Access tokens of one OIDC issuer. */
export class OidcTokens {
  readonly keys: IssuerKeys;

  /** @param now milliseconds on a clock that does not go back, for the keys. */
  constructor(
    private readonly settings: OidcSettings,
    now?: () => number,
  ) {
    this.keys = new IssuerKeys(settings.issuer, settings.keysStaleMs, now);
  }

  /**
   * Whose the token is: signed by a key of the issuer, with its `iss`, our `aud`, an `exp`
   * and a `sub`. Scopes are those of `scope` and `scp`; a token with neither has what the
   * settings grant to its subject, by default nothing.
   *
   * @throws {AuthError} `token-…`, or `identity-provider-unavailable` while keys are
   *   missing that could show whether the token is good.
   */
  async principalOf(token: string): Promise<Principal> {
    const claims = await this.claimsOf(token);
    const subject = claims.sub as unknown;
    if (typeof subject !== 'string' || !SUBJECT.test(subject)) {
      throw new AuthError('token-invalid');
    }
    const scopes = claimedScopes(claims) ?? this.grantedTo(subject);
    return { name: `oidc:${subject}`, scopes: new Set(scopes) };
  }

  private async claimsOf(token: string): Promise<JWTPayload> {
    if (!hasGoodAlgorithm(token)) throw new AuthError('token-invalid');
    try {
      const claims = await this.keys.match((resolve) => this.verify(token, resolve));
      if (claims) return claims;
    } catch (error) {
      if (!(error instanceof KeysUnavailableError)) throw error;
      const retryAfterSeconds = RETRY_AFTER_SECONDS;
      throw new AuthError('identity-provider-unavailable', { retryAfterSeconds });
    }
    throw new AuthError('token-unknown');
  }

  /** The claims; undefined when no key matches, which newer keys may change. */
  private async verify(
    token: string,
    resolve: KeyResolver,
  ): Promise<JWTPayload | undefined> {
    try {
      const { issuer, audience } = this.settings;
      const { payload } = await jwtVerify(token, resolve, {
        algorithms: ALGORITHMS,
        issuer,
        audience,
        requiredClaims: ['exp', 'sub'],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
      });
      return payload;
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) return undefined;
      if (error instanceof errors.JWSSignatureVerificationFailed) return undefined;
      throw new AuthError(faultOf(error));
    }
  }

  private grantedTo(subject: string): readonly Scope[] {
    const { subjects, scopes } = this.settings;
    return subjects.some((pattern) => isLike(pattern, subject)) ? scopes : [];
  }
}

/** Looked at before any key is: what can never be good needs no issuer to be refused. */
function hasGoodAlgorithm(token: string): boolean {
  try {
    return ALGORITHMS.includes(String(decodeProtectedHeader(token).alg));
  } catch {
    return false;
  }
}

/** Without the error itself, which holds the claims. */
function faultOf(error: unknown): AuthFault {
  if (error instanceof errors.JWTExpired) return 'token-expired';
  const isClaim = error instanceof errors.JWTClaimValidationFailed;
  return isClaim && error.claim === 'aud' ? 'token-audience' : 'token-invalid';
}

/** Undefined when the token says nothing about scopes; unknown ones do not count. */
function claimedScopes({ scope, scp }: JWTPayload): Scope[] | undefined {
  if (scope === undefined && scp === undefined) return undefined;
  const words = [scope, scp]
    .flat()
    .flatMap((claim) => (typeof claim === 'string' ? claim.split(' ') : []));
  return SCOPES.filter((known) => words.includes(known));
}

/** @param pattern a subject, or with `*` at its end how subjects begin. */
function isLike(pattern: string, subject: string): boolean {
  return pattern.endsWith('*')
    ? subject.startsWith(pattern.slice(0, -1))
    : subject === pattern;
}
