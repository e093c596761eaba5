import type { Config } from '../../src/config/config.js';
import { AUDIENCE } from './issuer.js';

/** The part of the configuration that says who may call; nobody, but for the wishes. */
export function accessConfig(access: Partial<Config['access']>): Config {
  const nobody = {
    tokensFile: undefined,
    oidc: undefined,
    open: false,
    ratePerMinute: 0,
  };
  return { access: { ...nobody, ...access } } as Config;
}

/** Trust in this issuer, and nothing for tokens without scopes. */
export function trusting(issuer: string): Partial<Config['access']> {
  const keysStaleMs = 3_600_000;
  return {
    oidc: { issuer, audience: AUDIENCE, scopes: [], subjects: [], keysStaleMs },
  };
}
