import { createPublicKey, type KeyObject } from 'node:crypto';
import type { JWK } from 'jose';

/** A public key of a JWKS. */
export interface VerificationKey {
  readonly jwk: JWK;
  readonly key: KeyObject;
}

const MAX_KEYS = 32;

/**
 * The RSA, EC and Ed25519 keys of a JWKS. Other and malformed keys are left out, so that they
 * do not make the valid ones useless.
 *
 * @throws {Error} for JSON that is no JWKS.
 */
export function verificationKeys(json: unknown): VerificationKey[] {
  const { keys } = (json ?? {}) as { keys?: unknown };
  if (!Array.isArray(keys)) throw new Error('the answer is not a JWKS');
  return keys.slice(0, MAX_KEYS).flatMap((jwk: JWK | null) => {
    const key = isForVerification(jwk) ? publicKey(jwk) : undefined;
    return key ? [{ jwk: jwk as JWK, key }] : [];
  });
}

function isForVerification(jwk: JWK | null): jwk is JWK {
  if (typeof jwk !== 'object' || jwk === null || 'd' in jwk) return false;
  if (jwk.use !== undefined && jwk.use !== 'sig') return false;
  if (jwk.kid !== undefined && typeof jwk.kid !== 'string') return false;
  if (jwk.kty === 'OKP') return jwk.crv === 'Ed25519';
  return jwk.kty === 'RSA' || jwk.kty === 'EC';
}

function publicKey(jwk: JWK): KeyObject | undefined {
  try {
    return createPublicKey({ key: jwk as Record<string, unknown>, format: 'jwk' });
  } catch {
    return undefined;
  }
}
