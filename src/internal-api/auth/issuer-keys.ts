import { createLocalJWKSet } from 'jose';
import { isSecureUrl } from '../../config/addresses.js';
import { fetchJson } from '../../infrastructure/jwks/fetch-json.js';
import { RemoteKeys } from '../../infrastructure/jwks/remote-keys.js';
import { verificationKeys } from '../../infrastructure/jwks/verification-keys.js';

/** Finds the key of a token by `kid` and `alg`. */
export type KeyResolver = ReturnType<typeof createLocalJWKSet>;

/** Public keys of an OIDC issuer, located by its discovery document. */
export class IssuerKeys extends RemoteKeys<KeyResolver> {
  /**
   * @param staleMs time after the last read during which keys are trusted.
   * @param now monotonic clock, ms.
   */
  constructor(issuer: string, staleMs: number, now?: () => number) {
    super(() => fetchIssuerKeys(issuer), staleMs, now);
  }
}

/** @see https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig */
export async function fetchIssuerKeys(issuer: string): Promise<KeyResolver> {
  const base = issuer.replace(/\/$/, '');
  const document = (await fetchJson(`${base}/.well-known/openid-configuration`)) ?? {};
  const { issuer: stated, jwks_uri: url } = document as Record<string, unknown>;
  if (stated !== issuer) {
    throw new Error('the discovery document names another issuer than API_OIDC_ISSUER');
  }
  if (typeof url !== 'string' || !isSecureUrl(url)) {
    throw new Error('the discovery document has no jwks_uri with https');
  }
  const keys = verificationKeys(await fetchJson(url));
  if (keys.length === 0) throw new Error('the JWKS has no usable key');
  return createLocalJWKSet({ keys: keys.map(({ jwk }) => jwk) });
}
