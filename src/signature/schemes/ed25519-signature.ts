import { verify } from 'node:crypto';
import type { GoogleKeys, KeySet } from './google-keys.js';
import type { Proof } from '../proof.js';
import { checkTimestamp, entriesOf, type SignatureHeaders } from './signature-headers.js';
import { SignatureError } from '../signature.error.js';

const SIGNATURE_BYTES = 64;

/**
 * Checks a `v1a` signature: Ed25519 over `<id>.<timestamp>.<body>` by any of Google's OKP
 * keys. The header names no key, so the function tries each.
 *
 * Google's documentation does not describe this scheme. It was observed on real deliveries.
 *
 * @throws {SignatureError} `timestamp-stale`, `signature-mismatch` or `header-malformed`.
 * @throws {KeysUnavailableError} when Google's keys cannot be read.
 * @see https://github.com/googleapis/python-genai/issues/2927
 */
export async function verifyPublicKey(
  body: Buffer,
  headers: SignatureHeaders,
  keys: GoogleKeys,
  nowMs: number,
): Promise<Proof> {
  checkTimestamp(headers.timestamp, nowMs);
  const given = entriesOf(headers.signature, 'v1a')
    .map((text) => Buffer.from(text, 'base64'))
    .filter(({ length }) => length === SIGNATURE_BYTES);
  if (given.length === 0) throw new SignatureError('signature-mismatch');
  const text = Buffer.concat([Buffer.from(`${headers.id}.${headers.timestamp}.`), body]);
  const keyId = await keys.match((set) => matchingKey(set, text, given));
  if (keyId === undefined) throw new SignatureError('signature-mismatch');
  return { scheme: 'v1a', ...headers, keyId, body, bodyBound: true };
}

function matchingKey(
  { ed25519 }: KeySet,
  text: Buffer,
  given: readonly Buffer[],
): string | undefined {
  return ed25519.find(({ key }) => given.some((entry) => verify(null, text, key, entry)))
    ?.keyId;
}
