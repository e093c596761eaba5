import type { KeyObject } from 'node:crypto';
import { createLocalJWKSet } from 'jose';
import { fetchJson } from '../../infrastructure/jwks/fetch-json.js';
import { RemoteKeys } from '../../infrastructure/jwks/remote-keys.js';
import { verificationKeys } from '../../infrastructure/jwks/verification-keys.js';

/** Google's public keys, as read from the JWKS endpoint. */
export interface KeySet {
  /** For `v1a`. The header names no key, so the verification tries each. */
  readonly ed25519: readonly { readonly keyId: string; readonly key: KeyObject }[];
  /** For tokens. Finds the RSA key by `kid` and `alg`. */
  readonly resolve: ReturnType<typeof createLocalJWKSet>;
}

/** The keys that Google publishes for dynamic webhooks. */
export class GoogleKeys extends RemoteKeys<KeySet> {
  /**
   * @param staleMs how long keys are trusted after the last successful read.
   * @param now a monotonic clock, in ms.
   */
  constructor(url: string, staleMs: number, now?: () => number) {
    super(async () => toKeySet(await fetchJson(url)), staleMs, now);
  }
}

/** @throws {Error} for an answer without a usable key. `RemoteKeys` then keeps the keys it has. */
function toKeySet(json: unknown): KeySet {
  const usable = verificationKeys(json);
  const ed25519 = usable
    .filter(({ jwk }) => jwk.kty === 'OKP')
    .map(({ jwk, key }, i) => ({ keyId: jwk.kid ?? `ed25519-${i}`, key }));
  const rsa = usable.map(({ jwk }) => jwk).filter(({ kty }) => kty === 'RSA');
  if (ed25519.length + rsa.length === 0) throw new Error('the JWKS holds no usable key');
  return { ed25519, resolve: createLocalJWKSet({ keys: rsa }) };
}
