import { setTimeout as sleep } from 'node:timers/promises';
import type { Reply } from '../api/http.js';
import type { EmulatorOptions } from '../options.js';
import { GoogleKeys } from './signing.js';

export const JWKS_PATH = '/.well-known/jwks.json';

/** Google's key set as others fetch it, with the ways in which that fails. */
export class JwksEndpoint {
  /** How often it was asked, whatever it answered. */
  requests = 0;
  private strangers: GoogleKeys | undefined;

  constructor(
    private readonly options: EmulatorOptions,
    private readonly keys: GoogleKeys,
  ) {}

  /** Undefined: no answer at all. */
  async answer(): Promise<Reply | undefined> {
    this.requests++;
    const rsa = this.options.dynamic !== 'v1a';
    switch (this.options.jwks) {
      case '500':
        return { status: 500, body: { error: { code: 500, status: 'INTERNAL' } } };
      case 'hang':
        return undefined;
      case 'empty':
        return { body: { keys: [] } };
      case 'not-json':
        return {
          headers: { 'Content-Type': 'text/html' },
          body: Buffer.from('<html>Not Found</html>'),
        };
      case 'rotated':
        return { body: this.otherKeys().jwks(rsa) };
      case 'slow':
        await sleep(this.options.jwksDelayMs, undefined, { ref: false });
        return { body: this.keys.jwks(rsa) };
      default:
        return { body: this.keys.jwks(rsa) };
    }
  }

  private otherKeys(): GoogleKeys {
    this.strangers ??= GoogleKeys.create({ kid: this.options.kid });
    return this.strangers;
  }
}
