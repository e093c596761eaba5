import { createLocalJWKSet } from 'jose';
import { isSecureUrl } from '../../config/parsers.js';
import { fetchJson } from '../../infrastructure/jwks/fetch-json.js';
import { RemoteKeys } from '../../infrastructure/jwks/remote-keys.js';
import { verificationKeys } from '../../infrastructure/jwks/verification-keys.js';

/** Finds a token's key by its `kid` and `alg`. */
export type KeyResolver = ReturnType<typeof createLocalJWKSet>;

/** The keys of an OIDC issuer, found through its discovery document. */
export class IssuerKeys extends RemoteKeys<KeyResolver> {
  /**
   * @param staleMs how long keys are trusted after they were read last.
   * @param now milliseconds on a clock that does not go back.
   */
  constructor(issuer: string, staleMs: number, now?: () => number) {
    super(() => readIssuer(issuer), staleMs, now);
  }
}

/** @see https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig */
async function readIssuer(issuer: string): Promise<KeyResolver> {
  const base = issuer.replace(/\/$/, '');
  const document = (await fetchJson(`${base}/.well-known/openid-configuration`)) ?? {};
  const { issuer: says, jwks_uri: url } = document as Record<string, unknown>;
  if (says !== issuer) throw new Error('the document is that of another issuer');
  if (typeof url !== 'string' || !isSecureUrl(url)) {
    throw new Error('the document has no jwks_uri, or one that is not https');
  }
  const keys = verificationKeys(await fetchJson(url));
  if (keys.length === 0) throw new Error('the JWKS holds no usable key');
  return createLocalJWKSet({ keys: keys.map(({ jwk }) => jwk) });
}
