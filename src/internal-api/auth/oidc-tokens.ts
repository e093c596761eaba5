import { decodeProtectedHeader, errors, jwtVerify, type JWTPayload } from 'jose';
import type { Config } from '../../config/config.js';
import { KeysUnavailableError } from '../../infrastructure/jwks/remote-keys.js';
import { AuthError, type AuthFault } from './auth.error.js';
import { IssuerKeys, type KeyResolver } from './issuer-keys.js';
import type { Principal } from './principal.js';
import { SCOPES, type Scope } from '../../config/api-scopes.js';

type OidcSettings = NonNullable<Config['access']['oidc']>;

const JWS = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/;
/** Asymmetric algorithms only: with HS256 a public key would serve as the secret. */
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
/** OpenID Connect limits `sub` to 255 ASCII characters. */
const SUBJECT = /^[\x20-\x7e]{1,255}$/;
const RETRY_AFTER_SECONDS = 5;

/** True if the token has the form of a compact JWS. */
export function isJws(token: string): boolean {
  return JWS.test(token);
}

/** Access tokens of one OIDC issuer. */
export class OidcTokens {
  readonly keys: IssuerKeys;

  /** @param now monotonic clock of the key cache, ms. */
  constructor(
    private readonly settings: OidcSettings,
    now?: () => number,
  ) {
    this.keys = new IssuerKeys(settings.issuer, settings.keysStaleMs, now);
  }

  /**
   * Verifies a token and returns its subject. The token needs a signature of the issuer, `iss`,
   * the configured `aud`, `exp` and `sub`. Its scopes are in `scope` or `scp`. A token without
   * both gets the scopes that the settings grant to its subject; by default none.
   *
   * @throws {AuthError} `token-…`, or `identity-provider-unavailable` if no known key matches
   *   and the issuer's keys cannot be read.
   */
  async principalOf(token: string): Promise<Principal> {
    const claims = await this.verifiedClaims(token);
    const subject = claims.sub as unknown;
    if (typeof subject !== 'string' || !SUBJECT.test(subject)) {
      throw new AuthError('token-invalid');
    }
    const scopes = claimedScopes(claims) ?? this.configuredScopes(subject);
    return { name: `oidc:${subject}`, scopes: new Set(scopes) };
  }

  private async verifiedClaims(token: string): Promise<JWTPayload> {
    if (!hasAllowedAlgorithm(token)) throw new AuthError('token-invalid');
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

  /** @returns undefined if no key matches: the caller then reads the keys again. */
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

  private configuredScopes(subject: string): readonly Scope[] {
    const { subjects, scopes } = this.settings;
    return subjects.some((pattern) => matchesSubject(pattern, subject)) ? scopes : [];
  }
}

/** Checked before the keys: a token with another algorithm is refused without asking the issuer. */
function hasAllowedAlgorithm(token: string): boolean {
  try {
    return ALGORITHMS.includes(String(decodeProtectedHeader(token).alg));
  } catch {
    return false;
  }
}

/** The error itself is dropped, because it holds the claims. */
function faultOf(error: unknown): AuthFault {
  if (error instanceof errors.JWTExpired) return 'token-expired';
  const isClaim = error instanceof errors.JWTClaimValidationFailed;
  return isClaim && error.claim === 'aud' ? 'token-audience' : 'token-invalid';
}

/** @returns undefined if the token has neither claim; unknown scopes are left out. */
function claimedScopes({ scope, scp }: JWTPayload): Scope[] | undefined {
  if (scope === undefined && scp === undefined) return undefined;
  const words = [scope, scp]
    .flat()
    .flatMap((claim) => (typeof claim === 'string' ? claim.split(' ') : []));
  return SCOPES.filter((known) => words.includes(known));
}

/** @param pattern a subject, or a prefix of subjects that ends with `*`. */
function matchesSubject(pattern: string, subject: string): boolean {
  return pattern.endsWith('*')
    ? subject.startsWith(pattern.slice(0, -1))
    : subject === pattern;
}
