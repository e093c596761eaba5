import { createHash, timingSafeEqual } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { decodeProtectedHeader, errors, jwtVerify, type JWTPayload } from 'jose';
import type { Config } from '../../config/config.js';
import type { GoogleKeys, KeySet } from './google-keys.js';
import type { Proof } from '../proof.js';
import { SignatureError, type SignatureFault } from '../signature.error.js';

/** Longest accepted token, in characters. */
export const MAX_TOKEN_LENGTH = 8192;

const TOKEN = /^eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
const CLOCK_TOLERANCE_SECONDS = 30;
/** Claims about the token itself (RFC 7519). The other claims may be the event. */
const REGISTERED_CLAIMS = new Set(['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti']);

/** True if the whole signature header has the form of one compact JWS. */
export function isToken(header: string): boolean {
  return TOKEN.test(header);
}

/**
 * Checks a delivery whose signature header is a token: RS256 by the `kid` of one of
 * Google's RSA keys, with `exp` and `iat`, not older than `JWT_MAX_AGE_SECONDS`, for `JWT_AUDIENCE`.
 *
 * Google documents this scheme, but no real delivery with it is known. Audience, issuer and the
 * claim with the body's hash are therefore settings. A token does not cover `webhook-id`. It
 * covers the body in two cases: its claims hold the event, or a claim holds the body's hash.
 * If the claims hold the event, the proof's body is that event, and a different body is refused.
 * Otherwise `bodyBound` of the proof is false.
 *
 * @throws {SignatureError} `token-…` or `body-mismatch`.
 * @throws {KeysUnavailableError} when Google's keys cannot be read.
 */
export async function verifyToken(
  body: Buffer,
  token: string,
  keys: GoogleKeys,
  settings: Config['token'],
  nowMs: number,
): Promise<Proof> {
  if (settings.audience === undefined) throw new SignatureError('token-audience');
  const { kid } = protectedHeader(token);
  const claims = await keys.match((set) => claimsOf(token, set, settings, nowMs));
  if (!claims) throw new SignatureError('signature-mismatch');
  return {
    scheme: 'jws',
    id: claims.jti ?? createHash('sha256').update(token).digest('hex'),
    timestamp: String(claims.iat),
    signature: token,
    keyId: kid,
    ...bodyProof(claims, body, settings.bodyHashClaim),
  };
}

function protectedHeader(token: string): { kid: string } {
  try {
    const { alg, kid } = decodeProtectedHeader(token);
    if (alg === 'RS256' && typeof kid === 'string' && kid !== '') return { kid };
  } catch {
    // The header cannot be decoded: refused below
  }
  throw new SignatureError('token-invalid');
}

/** The token's claims. Undefined when no key matches: `GoogleKeys` then reads newer keys and calls again. */
async function claimsOf(
  token: string,
  { resolve }: KeySet,
  { audience, issuer, maxAgeSeconds }: Config['token'],
  nowMs: number,
): Promise<JWTPayload | undefined> {
  try {
    const { payload } = await jwtVerify(token, resolve, {
      algorithms: ['RS256'],
      requiredClaims: ['exp', 'iat'],
      maxTokenAge: maxAgeSeconds,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(nowMs),
      ...(audience === undefined || audience === 'unchecked' ? {} : { audience }),
      ...(issuer === undefined ? {} : { issuer }),
    });
    if (payload.jti !== undefined && !isId(payload.jti))
      throw new SignatureError('token-invalid');
    return payload;
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey) return undefined;
    if (error instanceof errors.JWSSignatureVerificationFailed) return undefined;
    if (error instanceof SignatureError) throw error;
    throw new SignatureError(faultOf(error), { cause: error });
  }
}

function isId(jti: unknown): boolean {
  return typeof jti === 'string' && /^[\x21-\x7e]{1,256}$/.test(jti);
}

function faultOf(error: unknown): SignatureFault {
  if (error instanceof errors.JWTExpired) return 'token-expired';
  const isClaim = error instanceof errors.JWTClaimValidationFailed;
  return isClaim && error.claim === 'aud' ? 'token-audience' : 'token-invalid';
}

function bodyProof(
  claims: JWTPayload,
  body: Buffer,
  hashClaim: string,
): Pick<Proof, 'body' | 'bodyBound'> {
  const event = eventIn(claims);
  if (event) {
    if (body.length > 0 && !isSameEvent(body, event))
      throw new SignatureError('body-mismatch');
    return { body: Buffer.from(JSON.stringify(event)), bodyBound: true };
  }
  const hash = claims[hashClaim];
  if (hash === undefined) return { body, bodyBound: false };
  if (!isHashOf(body, hash)) throw new SignatureError('body-mismatch');
  return { body, bodyBound: true };
}

/** The event in the claims. Assumption: the event is the claims themselves, or one claim named `event`. */
function eventIn(claims: JWTPayload): object | undefined {
  const { event } = claims;
  if (isEvent(event)) return event;
  if (!isEvent(claims)) return undefined;
  return Object.fromEntries(
    Object.entries(claims).filter(([name]) => !REGISTERED_CLAIMS.has(name)),
  );
}

function isEvent(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const { type, data } = value as { type?: unknown; data?: unknown };
  return typeof type === 'string' && typeof data === 'object' && data !== null;
}

function isSameEvent(body: Buffer, event: object): boolean {
  try {
    const given: unknown = JSON.parse(body.toString('utf8'));
    return isDeepStrictEqual(given, JSON.parse(JSON.stringify(event)));
  } catch {
    return false;
  }
}

function isHashOf(body: Buffer, hash: unknown): boolean {
  if (typeof hash !== 'string') return false;
  const expected = createHash('sha256').update(body).digest();
  const encoding = /^[0-9a-f]{64}$/i.test(hash) ? 'hex' : 'base64url';
  const given = Buffer.from(hash, encoding);
  return given.length === expected.length && timingSafeEqual(given, expected);
}
