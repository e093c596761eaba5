import { randomBytes } from 'node:crypto';
import type { GeminiRequest } from '../../src/gemini/gemini-request.js';
import { FakeGemini } from './fake-gemini.js';

export const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`;

/** A Gemini that issues secrets: it creates and rotates webhooks, and fails on demand. */
export class IssuingGemini extends FakeGemini {
  /** The secrets that it issued, oldest first. */
  readonly issued: string[] = [];
  /** The webhooks in its list. */
  readonly webhooks: { id: string; name: string; uri: string }[] = [];
  /** Errors that it answers with, one for each of the next requests. */
  failures: Error[] = [];
  /** True if requests are carried out although they are answered with an error. */
  isDoneThough = false;

  override answer = (request: GeminiRequest): Promise<unknown> => this.handle(request);

  handle({ method, path, body }: GeminiRequest): Promise<unknown> {
    const failure = this.failures.shift();
    if (failure && !this.isDoneThough) return Promise.reject(failure);
    if (method === 'GET') return Promise.resolve({ webhooks: this.webhooks });
    const secret = newSecret();
    this.issued.push(secret);
    const created = { id: 'w1', ...(body as { name: string; uri: string }) };
    if (path === 'webhooks') this.webhooks.push(created);
    if (failure) return Promise.reject(failure);
    return Promise.resolve(
      path === 'webhooks' ? { ...created, new_signing_secret: secret } : { secret },
    );
  }
}
