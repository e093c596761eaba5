import { createHmac } from 'node:crypto';
import type { WebhookSecret } from '../../signing-secrets/webhook-secret.js';
import type { Proof } from '../proof.js';
import { checkTimestamp, entriesOf, type SignatureHeaders } from './signature-headers.js';
import { SignatureError } from '../signature.error.js';

/**
 * Checks the HMAC-SHA256 of a static webhook over `<id>.<timestamp>.<body>`.
 *
 * Passes when any entry matches any of the secrets, so a rotation leaves no gap. The
 * `standardwebhooks` package is not used here: it decodes the bytes as UTF-8 first and takes
 * five times as long. The tests and `cli verify` compare this function with the package.
 *
 * @throws {SignatureError} `timestamp-stale`, `signature-mismatch` or `header-malformed`.
 */
export function verifyHmac(
  body: Buffer,
  headers: SignatureHeaders,
  secrets: readonly WebhookSecret[],
  nowMs: number,
): Proof {
  checkTimestamp(headers.timestamp, nowMs);
  const given = entriesOf(headers.signature, 'v1');
  const text = `${headers.id}.${headers.timestamp}.`;
  for (const { key, keyId } of secrets) {
    const expected = hmac(key, text, body);
    if (given.some((entry) => isEqual(entry, expected))) {
      return { scheme: 'v1', ...headers, keyId, body, bodyBound: true };
    }
  }
  throw new SignatureError('signature-mismatch');
}

function hmac(key: Buffer, head: string, body: Buffer): string {
  return createHmac('sha256', key).update(head).update(body).digest('base64');
}

/** Compares in a time that depends only on the length. It works on text because making two buffers costs more. */
function isEqual(given: string, expected: string): boolean {
  if (given.length !== expected.length) return false;
  let difference = 0;
  for (let i = 0; i < expected.length; i++) {
    difference |= given.charCodeAt(i) ^ expected.charCodeAt(i);
  }
  return difference === 0;
}
