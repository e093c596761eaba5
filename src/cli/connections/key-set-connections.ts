import type { Config } from '../../config/config.js';
import { fetchJson } from '../../infrastructure/jwks/fetch-json.js';
import { verificationKeys } from '../../infrastructure/jwks/verification-keys.js';
import { fetchIssuerKeys } from '../../internal-api/auth/issuer-keys.js';
import { ConnectionError, type ConnectionCheck } from './connection-check.js';
import { codeOf, networkFault } from './network-fault.js';

/** Checks that Google's public keys can be read. They verify the webhooks of jobs. */
export function googleKeysConnection({ signature }: Config): ConnectionCheck {
  const { jwksUrl } = signature;
  return {
    target: "Google's keys",
    address: jwksUrl,
    setting: 'JWKS_URL',
    run: () =>
      naming('JWKS_URL', jwksUrl, async () => {
        const { length } = verificationKeys(await fetchJson(jwksUrl));
        if (length === 0) throw new Error('the JWKS has no usable key');
        return `${length} ${length === 1 ? 'key' : 'keys'}`;
      }),
  };
}

/** Checks that the public keys of the OIDC issuer can be read. They verify access tokens. */
export function issuerConnection(issuer: string): ConnectionCheck {
  return {
    target: 'the OIDC issuer',
    address: issuer,
    setting: 'API_OIDC_ISSUER',
    run: () =>
      naming('API_OIDC_ISSUER', issuer, async () => {
        await fetchIssuerKeys(issuer);
        return 'its discovery document leads to keys';
      }),
  };
}

async function naming(
  setting: string,
  address: string,
  read: () => Promise<string>,
): Promise<string> {
  try {
    return await read();
  } catch (error) {
    throw new ConnectionError({
      setting,
      got: `${address}, ${faultOf(error)}`,
      wants: 'an address that answers with public keys (JWKS)',
      remedy: `correct ${setting}, and check what lies between (firewall, NetworkPolicy, proxy)`,
    });
  }
}

function faultOf(error: unknown): string {
  const { name, message } = error as Error;
  if (name === 'SyntaxError') return 'which answers something else than JSON';
  const isNetwork = name === 'TimeoutError' || codeOf(error) !== undefined;
  return isNetwork ? networkFault(error) : `which is no such address: ${message}`;
}
