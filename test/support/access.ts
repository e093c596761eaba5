import type { Config } from '../../src/config/config.js';
import { AUDIENCE } from './issuer.js';

/** The `access` part of the configuration. Without arguments no caller is let in. */
export function accessConfig(access: Partial<Config['access']>): Config {
  const closed = {
    tokensFile: undefined,
    oidc: undefined,
    open: false,
    ratePerMinute: 0,
  };
  return { access: { ...closed, ...access } } as Config;
}

/** Trusts this issuer. Tokens without scopes may do nothing. */
export function trusting(issuer: string): Partial<Config['access']> {
  const keysStaleMs = 3_600_000;
  return {
    oidc: { issuer, audience: AUDIENCE, scopes: [], subjects: [], keysStaleMs },
  };
}
