import type { KeyObject } from 'node:crypto';
import { createLocalJWKSet } from 'jose';
import { fetchJson } from '../../infrastructure/jwks/fetch-json.js';
import { RemoteKeys } from '../../infrastructure/jwks/remote-keys.js';
import { verificationKeys } from '../../infrastructure/jwks/verification-keys.js';

/** Google's keys, as last read. */
export interface KeySet {
  /** For `v1a`, which names no key: all of them are tried. */
  readonly ed25519: readonly { readonly keyId: string; readonly key: KeyObject }[];
  /** For tokens, by `kid` and `alg`. */
  readonly resolve: ReturnType<typeof createLocalJWKSet>;
}

/** The keys that Google publishes for dynamic webhooks. */
export class GoogleKeys extends RemoteKeys<KeySet> {
  /**
   * @param staleMs how long keys are trusted after they were read last.
   * @param now milliseconds on a clock that does not go back.
   */
  constructor(url: string, staleMs: number, now?: () => number) {
    super(async () => toKeySet(await fetchJson(url)), staleMs, now);
  }
}

/** @throws {Error} for anything without a usable key: what is at hand stays in use. */
function toKeySet(json: unknown): KeySet {
  const usable = verificationKeys(json);
  const ed25519 = usable
    .filter(({ jwk }) => jwk.kty === 'OKP')
    .map(({ jwk, key }, i) => ({ keyId: jwk.kid ?? `ed25519-${i}`, key }));
  const rsa = usable.map(({ jwk }) => jwk).filter(({ kty }) => kty === 'RSA');
  if (ed25519.length + rsa.length === 0) throw new Error('the JWKS holds no usable key');
  return { ed25519, resolve: createLocalJWKSet({ keys: rsa }) };
}
