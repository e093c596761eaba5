import type { IncomingHttpHeaders } from 'node:http';
import { SignatureError } from '../signature.error.js';

/** The Standard Webhooks triple of one request, checked for its form. */
export interface SignatureHeaders {
  readonly id: string;
  /** As sent, because the signature covers this text. */
  readonly timestamp: string;
  readonly signature: string;
}

/** Gemini adds one entry for each secret of the last 24 hours. `MAX_SIGNATURE_LENGTH` bounds the header too. */
const MAX_ENTRIES = 64;
const MAX_SIGNATURE_LENGTH = 4096;
const TOLERANCE_SECONDS = 300;

// A comma is not allowed: Node joins a header that was sent twice with one. A full stop is not
// allowed: it separates the parts of the signed text.
const ID = /^[\x21-\x2b\x2d\x2f-\x7e]{1,256}$/;
const TIMESTAMP = /^\d{1,12}$/;
const SIGNATURE = /^[A-Za-z0-9+/_-]{1,1024}={0,2}$/;

/**
 * @throws {SignatureError} `header-missing` or `header-malformed`.
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function signatureHeaders(headers: IncomingHttpHeaders): SignatureHeaders {
  return {
    id: single(headers, 'webhook-id', ID),
    timestamp: single(headers, 'webhook-timestamp', TIMESTAMP),
    signature: signatureHeader(headers, MAX_SIGNATURE_LENGTH),
  };
}

/** @throws {SignatureError} when it is missing or longer than `maxLength` characters. */
export function signatureHeader(headers: IncomingHttpHeaders, maxLength: number): string {
  const value = headers['webhook-signature'];
  if (typeof value !== 'string' || value === '')
    throw new SignatureError('header-missing');
  if (value.length > maxLength) throw new SignatureError('header-malformed');
  return value;
}

/**
 * The signatures of the given version in the header. Like the reference library it splits at
 * blanks, takes the first two members of each entry, and skips entries that it does not know:
 * the sender may add a scheme.
 *
 * @throws {SignatureError} `header-malformed` when no entry has a version and a signature, or for
 *   too many entries; `signature-mismatch` when none has the version.
 */
export function entriesOf(header: string, version: string): string[] {
  const entries = header.split(' ');
  if (entries.length > MAX_ENTRIES) throw new SignatureError('header-malformed');
  const found: string[] = [];
  let hasEntry = false;
  for (const entry of entries) {
    const [name, signature = ''] = entry.split(',', 2);
    if (!name || !SIGNATURE.test(signature)) continue;
    hasEntry = true;
    if (name === version) found.push(signature);
  }
  if (!hasEntry) throw new SignatureError('header-malformed');
  if (found.length === 0) throw new SignatureError('signature-mismatch');
  return found;
}

/** @throws {SignatureError} `timestamp-stale` when the time differs by more than 300 s, in either direction. */
export function checkTimestamp(timestamp: string, nowMs: number): void {
  const off = Math.abs(Number(timestamp) - nowMs / 1000);
  if (off > TOLERANCE_SECONDS) throw new SignatureError('timestamp-stale');
}

function single(headers: IncomingHttpHeaders, name: string, form: RegExp): string {
  const value = headers[name];
  if (value === undefined || value === '') throw new SignatureError('header-missing');
  if (typeof value !== 'string' || !form.test(value)) {
    throw new SignatureError('header-malformed');
  }
  return value;
}
