import { setTimeout as delay } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';

/** The result of one attempt at a delivery. */
export interface Attempt {
  readonly id: string;
  /** 0 for a connection that broke. */
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: string;
  readonly tookMs: number;
}

export const SECRET = `whsec_${Buffer.from('0123456789abcdefghijklmnopqrstuv').toString('base64')}`;

/** Delivers as Gemini does: repeats until 2xx, with the same id and a new timestamp. */
export class GeminiSender {
  readonly attempts: Attempt[] = [];
  private readonly webhook = new Webhook(SECRET);

  /** @param url returns the base URL of the bridge's public port, which may change with a restart. */
  constructor(private readonly url: () => string) {}

  /** Ids that were answered 2xx. */
  get acknowledged(): Set<string> {
    const ok = this.attempts.filter(({ status }) => status >= 200 && status < 300);
    return new Set(ok.map(({ id }) => id));
  }

  async once(id: string, url = this.url(), body = eventBody(id)): Promise<Attempt> {
    const now = new Date();
    const start = performance.now();
    const attempt = await fetch(`${url}/webhooks/gemini`, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
        'webhook-signature': this.webhook.sign(id, now, body),
      },
    }).then(
      async (response) => ({
        status: response.status,
        retryAfter: response.headers.get('retry-after'),
        body: await response.text(),
      }),
      (error: Error) => ({ status: 0, retryAfter: null, body: error.message }),
    );
    const result = { id, ...attempt, tookMs: performance.now() - start };
    this.attempts.push(result);
    return result;
  }

  /** Repeats until 2xx. @throws {Error} after `limitMs`, with the last answer. */
  async untilAccepted(id: string, limitMs = 60_000): Promise<Attempt> {
    const end = performance.now() + limitMs;
    for (let pause = 100; ; pause = Math.min(pause * 2, 1000)) {
      const attempt = await this.once(id);
      if (attempt.status >= 200 && attempt.status < 300) return attempt;
      if (performance.now() > end) {
        throw new Error(`${id} was not accepted: ${attempt.status} ${attempt.body}`);
      }
      await delay(pause);
    }
  }
}

/** A batch's event, different for each id. */
export function eventBody(id: string): string {
  return JSON.stringify({
    type: 'batch.succeeded',
    version: 'v1',
    timestamp: '2026-11-24T00:00:00.000Z',
    data: { id: `batches/${id.toLowerCase().replaceAll('_', '-')}` },
  });
}
