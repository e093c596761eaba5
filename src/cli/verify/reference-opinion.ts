import { isUtf8 } from 'node:buffer';
import { Webhook } from 'standardwebhooks';
import type { WebhookSecret } from '../../signing-secrets/webhook-secret.js';
import type { CapturedDelivery } from './captured-delivery.js';

/** Verdict of the reference library of Standard Webhooks on a signature. */
export interface ReferenceOpinion {
  /** False: it finds the opposite of the bridge. */
  readonly agrees: boolean;
  readonly line: string;
}

/**
 * The second opinion on a `v1` signature. It is about the signature alone: `verify` of the library
 * compares the timestamp with the clock of today, so that every old capture would be refused.
 *
 * @param isAccepted what the bridge finds.
 * @returns undefined for a delivery that the library cannot judge: of a job, or malformed.
 */
export function referenceOpinion(
  { pathToken, headers, body, signature }: CapturedDelivery,
  secrets: readonly WebhookSecret[],
  isAccepted: boolean,
): ReferenceOpinion | undefined {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp = '' } = headers;
  if (pathToken !== undefined || !id || !/^\d{1,12}$/.test(timestamp)) return undefined;
  const signedAt = new Date(Number(timestamp) * 1000);
  const entries = signature.split(' ');
  const isMatch = secrets.some(({ key }) =>
    entries.includes(new Webhook(key, { format: 'raw' }).sign(id, signedAt, body)),
  );
  const agrees = isMatch === isAccepted;
  const verb = agrees ? 'agrees' : 'disagrees';
  const reason =
    agrees || isUtf8(body) ? '' : ': it signs text, and the body is no UTF-8';
  return { agrees, line: `the reference library (standardwebhooks) ${verb}${reason}` };
}
