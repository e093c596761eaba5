import type { JwksMode } from '../../../../packages/gemini-emulator/src/options.js';
import { nothingToHeal, type Inject } from './fault.js';

/** Number of old keys that stay published: all of them, as in a careful rotation. */
const KEPT_KEYS = 3;

export function jwksAnswers(mode: JwksMode): Inject {
  return async ({ world: { gemini } }) => {
    gemini.options.jwks = mode;
    return async () => {
      gemini.options.jwks = 'ok';
    };
  };
}

/** Makes Google sign with new keys. */
export const jwksRotated: Inject = async ({ world: { gemini } }) => {
  gemini.keys.rotate(KEPT_KEYS);
  return nothingToHeal;
};
