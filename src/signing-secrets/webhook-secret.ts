import { createHash } from 'node:crypto';
import { FormError } from '../config/problem.js';
import { numberedEntries } from '../infrastructure/files/watched-file.js';

/** A signing secret of a static webhook. */
export interface WebhookSecret {
  readonly key: Buffer;
  /** First eight hex digits of the key's SHA-256. */
  readonly keyId: string;
}

const PREFIX = 'whsec_';
/** The specification of standard webhooks asks for as many. */
const MIN_SECRET_BYTES = 24;
const WANTS = `a webhook secret, ${PREFIX}<base64 of at least ${MIN_SECRET_BYTES} bytes>`;
const REMEDY =
  'copy the secret that Gemini showed when the webhook was created, or rotate it and copy the new one';

/**
 * Reads `whsec_<base64>`.
 *
 * @throws {FormError} for any other form, or a key of fewer than 24 bytes. It does not hold the secret.
 */
export function parseSecret(text: string): WebhookSecret {
  const fault = faultIn(text);
  if (fault !== undefined) throw new FormError(fault, WANTS, REMEDY);
  const key = Buffer.from(text.slice(PREFIX.length), 'base64');
  const keyId = createHash('sha256').update(key).digest('hex').slice(0, 8);
  return { key, keyId };
}

/** Reads `whsec_…,whsec_…`. @throws {FormError} naming the entry. */
export function parseSecretList(text: string): WebhookSecret[] {
  const entries = text.split(',');
  const where = (i: number) =>
    entries.length === 1 ? '' : `entry ${i + 1} of ${entries.length}: `;
  return entries.map((entry, i) => parseAt(where(i), entry.trim()));
}

/** Reads one secret a line. @throws {FormError} naming the line. */
export function parseSecretLines(text: string): WebhookSecret[] {
  const entries = numberedEntries(text);
  if (entries.length === 0) throw new FormError('a file without a secret', WANTS, REMEDY);
  return entries.map(({ entry, line }) => parseAt(`line ${line}: `, entry));
}

function parseAt(where: string, entry: string): WebhookSecret {
  try {
    return parseSecret(entry);
  } catch (error) {
    if (!(error instanceof FormError)) throw error;
    throw new FormError(`${where}${error.got}`, WANTS, REMEDY);
  }
}

function faultIn(text: string): string | undefined {
  if (!text.startsWith(PREFIX)) {
    return `${text.length} characters without the prefix ${PREFIX}`;
  }
  const base64 = text.slice(PREFIX.length);
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) {
    return `${PREFIX} and ${base64.length} characters that are no base64`;
  }
  const { length } = Buffer.from(base64, 'base64');
  return length < MIN_SECRET_BYTES ? `${PREFIX} and ${length} bytes` : undefined;
}
