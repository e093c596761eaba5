import type { AccessConfig } from '../../src/config/config.js';
import { AUDIENCE } from './issuer.js';

/** Access control. Without arguments it refuses every caller. */
export function accessConfig(access: Partial<AccessConfig>): AccessConfig {
  const closed = {
    tokensFile: undefined,
    oidc: undefined,
    open: false,
    ratePerMinute: 0,
  };
  return { ...closed, ...access };
}

/** Trusts this issuer. Tokens without scopes may do nothing. */
export function trusting(issuer: string): Partial<AccessConfig> {
  const keysStaleMs = 3_600_000;
  return {
    oidc: { issuer, audience: AUDIENCE, scopes: [], subjects: [], keysStaleMs },
  };
}
