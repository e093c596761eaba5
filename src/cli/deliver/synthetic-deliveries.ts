import { randomBytes, randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { jobPath, STATIC_ROUTE } from '../../events/webhook-routes.js';
import type { WebhookSecret } from '../../signing-secrets/webhook-secret.js';
import type { SignedRequest } from './post-with-retries.js';

/** A delivery, and the only answer of a bridge that works. */
export interface SyntheticDelivery {
  readonly name: 'signed' | 'repeated' | 'forged' | 'forged for a job';
  readonly path: string;
  readonly wanted: { readonly status: number; readonly reason: string };
  readonly make: () => SignedRequest;
}

/** No key of a bridge signed it. */
const FORGED_TOKEN = 'forged';

/**
 * @param secret undefined where the environment has none: then only forgeries are sent.
 * @param webhookId of the signed delivery and its duplicate.
 */
export function syntheticDeliveries(
  secret: WebhookSecret | undefined,
  webhookId: string,
): SyntheticDelivery[] {
  return secret ? [...signedDeliveries(secret, webhookId), ...forgeries()] : forgeries();
}

function signedDeliveries(secret: WebhookSecret, webhookId: string): SyntheticDelivery[] {
  const make = () => signedNow(webhookId, secret.key);
  const signed = { path: STATIC_ROUTE, make };
  return [
    { ...signed, name: 'signed', wanted: { status: 200, reason: 'published' } },
    { ...signed, name: 'repeated', wanted: { status: 200, reason: 'duplicate' } },
  ];
}

function forgeries(): SyntheticDelivery[] {
  const strangeKey = randomBytes(32);
  const make = () => signedNow(syntheticId(), strangeKey);
  return [
    {
      name: 'forged',
      path: STATIC_ROUTE,
      wanted: { status: 401, reason: 'signature-mismatch' },
      make,
    },
    {
      name: 'forged for a job',
      path: jobPath(FORGED_TOKEN),
      wanted: { status: 401, reason: 'capability-invalid' },
      make,
    },
  ];
}

export function syntheticId(): string {
  return `msg_synthetic_${randomUUID()}`;
}

/** Signs with the reference library, so that the bridge does not only agree with itself. */
function signedNow(id: string, key: Buffer): SignedRequest {
  const now = new Date();
  const event = { type: 'bridge.synthetic', version: 'v1', timestamp: now.toISOString() };
  const body = Buffer.from(JSON.stringify({ ...event, data: {} }));
  return {
    headers: {
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
      'webhook-signature': new Webhook(key, { format: 'raw' }).sign(id, now, body),
    },
    body,
  };
}
