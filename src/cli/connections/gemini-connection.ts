import type { Config, GeminiConfig } from '../../config/config.js';
import type { Problem } from '../../config/problem.js';
import { GeminiClient } from '../../gemini/gemini.client.js';
import { GeminiError } from '../../gemini/gemini.error.js';
import { ConnectionError, type ConnectionCheck } from './connection-check.js';
import { networkFault } from './network-fault.js';

const TIMEOUT_MS = 8000;
/** The smallest list: a free call that needs a valid key. */
const LIST = { method: 'GET', path: 'batches', query: { pageSize: '1' } } as const;

/** Checks that Gemini answers and accepts the key. */
export function geminiConnection({ gemini }: Config): ConnectionCheck {
  const { url } = gemini;
  return {
    target: 'Gemini',
    address: url,
    setting: 'GEMINI_URL',
    run: () => ask(gemini),
  };
}

async function ask(config: GeminiConfig): Promise<string> {
  try {
    await new GeminiClient(config).send(LIST, TIMEOUT_MS);
    return 'it accepts the key';
  } catch (error) {
    if (!(error instanceof GeminiError)) throw error;
    throw new ConnectionError(geminiProblem(error, config.url));
  }
}

function geminiProblem(error: GeminiError, url: string): Problem {
  const { status, message, reason, cause } = error;
  if (message.startsWith('GEMINI_API_KEY') || status === 403) {
    return {
      setting: 'GEMINI_API_KEY',
      got: `a key that Gemini refuses (${status}): ${reason ?? 'it gives no reason'}`,
      wants: 'the key of a project in which the Gemini API is enabled',
      remedy: 'copy the key from Google AI Studio again, and look at its restrictions',
    };
  }
  if (status === undefined) {
    return {
      setting: 'GEMINI_URL',
      got: `${url}, ${networkFault(cause)}`,
      wants: 'an address that the bridge can reach',
      remedy: 'check GEMINI_URL and what lies between (firewall, NetworkPolicy, proxy)',
    };
  }
  const isDown = status === 429 || status >= 500;
  return {
    setting: 'GEMINI_URL',
    got: `${url}, which answers ${status}${reason === undefined ? '' : `: ${reason}`}`,
    wants: 'the Gemini API',
    remedy: isDown ? 'try again later' : 'correct GEMINI_URL',
  };
}
