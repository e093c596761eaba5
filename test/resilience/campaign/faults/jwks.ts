import type { JwksMode } from '../../../../packages/gemini-emulator/src/options.js';
import { nothingToHeal, type Inject } from './fault.js';

/** All old keys stay published beside the new ones, as on a careful rotation. */
const KEPT_KEYS = 3;

export function jwksAnswers(mode: JwksMode): Inject {
  return async ({ world: { gemini } }) => {
    gemini.options.jwks = mode;
    return async () => {
      gemini.options.jwks = 'ok';
    };
  };
}

/** Google signs with new keys from now on. */
export const jwksRotated: Inject = async ({ world: { gemini } }) => {
  gemini.keys.rotate(KEPT_KEYS);
  return nothingToHeal;
};
