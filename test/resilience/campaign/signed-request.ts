/** Requests of genuine and forged deliveries. */
import { createHmac, randomBytes } from 'node:crypto';
import type { Delivery } from './delivery.js';
import type { JobRoute } from './job-route.js';

export interface SignedRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export const FORGERIES = ['secret', 'body', 'stale', 'unsigned'] as const;
export type Forgery = (typeof FORGERIES)[number];

const STALE_SECONDS = 600;

/** Signs each attempt with a new timestamp, as Gemini does. */
export class RequestSigner {
  private readonly key: Buffer;
  private readonly strange = randomBytes(32);

  /** @param secret `whsec_…`, one of the bridge's secrets */
  constructor(
    secret: string,
    private readonly job?: JobRoute,
  ) {
    this.key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  }

  async genuine(base: string, { id, body, jobId }: Delivery): Promise<SignedRequest> {
    const timestamp = nowSeconds();
    if (this.job === undefined || jobId === undefined) {
      return request(
        staticUrl(base),
        id,
        timestamp,
        body,
        hmac(this.key, id, timestamp, body),
      );
    }
    const url = await this.job.url(base, jobId);
    return request(url, id, timestamp, body, this.job.sign(id, timestamp, body));
  }

  /** A request that the bridge must refuse. */
  forged(base: string, { id, body }: Delivery, how: Forgery): SignedRequest {
    const timestamp = nowSeconds() - (how === 'stale' ? STALE_SECONDS : 0);
    const key = how === 'secret' ? this.strange : this.key;
    const signature = hmac(key, id, timestamp, body);
    const sent = how === 'body' ? Buffer.concat([body, Buffer.from(' ')]) : body;
    return request(
      staticUrl(base),
      id,
      timestamp,
      sent,
      how === 'unsigned' ? undefined : signature,
    );
  }
}

function request(
  url: string,
  id: string,
  timestamp: number,
  body: Buffer,
  signature: string | undefined,
): SignedRequest {
  const headers = {
    'content-type': 'application/json',
    'content-length': String(body.length),
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    ...(signature !== undefined && { 'webhook-signature': signature }),
  };
  return { url, headers, body };
}

function hmac(key: Buffer, id: string, timestamp: number, body: Buffer): string {
  const digest = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body);
  return `v1,${digest.digest('base64')}`;
}

function staticUrl(base: string): string {
  return `${base}/webhooks/gemini`;
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
