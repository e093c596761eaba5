import { setTimeout as sleep } from 'node:timers/promises';
import type { Reply } from '../api/http.js';
import type { EmulatorOptions } from '../options.js';
import { GoogleKeys } from './signing.js';

export const JWKS_PATH = '/.well-known/jwks.json';

/** The endpoint of Google's key set (JWKS), with its modes of failure. */
export class JwksEndpoint {
  /** Number of requests. */
  requests = 0;
  private strangers: GoogleKeys | undefined;

  constructor(
    private readonly options: EmulatorOptions,
    private readonly keys: GoogleKeys,
  ) {}

  /** Undefined: the caller gets no answer. */
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
