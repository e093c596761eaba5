import { createHash } from 'node:crypto';

/** A signing secret of a static webhook. */
export interface WebhookSecret {
  readonly key: Buffer;
  /** First eight hex digits of the key's SHA-256. */
  readonly keyId: string;
}

const MIN_SECRET_BYTES = 24;

/**
 * Reads `whsec_<base64>`.
 *
 * @throws {Error} for any other form, or a key below the 24 bytes that the specification
 *   asks for. The message does not hold the secret.
 */
export function parseSecret(text: string): WebhookSecret {
  const match = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text);
  if (!match) throw new Error('a webhook secret reads whsec_<base64>');
  const key = Buffer.from(match[1] as string, 'base64');
  if (key.length < MIN_SECRET_BYTES) {
    throw new Error(`a webhook secret has at least ${MIN_SECRET_BYTES} bytes`);
  }
  const keyId = createHash('sha256').update(key).digest('hex').slice(0, 8);
  return { key, keyId };
}
