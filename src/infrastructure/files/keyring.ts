import { FormError } from '../../config/problem.js';
import { numberedEntries } from './watched-file.js';

/** Keys by `kid`, newest first. The first key seals and signs; every key opens and verifies. */
export type Keyring = ReadonlyMap<string, Uint8Array>;

/** The key length of HS256 and A256GCM. */
export const KEY_BYTES = 32;

const WANTS = 'lines of kid:<base64url of 32 bytes>, the newest key first';
const REMEDY = '`gemini-kafka-bridge keys generate` prints such a line';

/**
 * Reads one `kid:<base64url of 32 bytes>` a line, newest first.
 *
 * @throws {FormError} for an empty file, another form or a repeated `kid`. It holds no key.
 */
export function parseKeyring(text: string): Keyring {
  const keys = new Map<string, Uint8Array>();
  for (const { entry, line } of numberedEntries(text)) {
    const [kid, key] = parseKey(entry, `line ${line}`);
    if (keys.has(kid)) {
      const remedy = 'rename one of the two keys, or remove it';
      throw new FormError(`line ${line}: the key ${kid} a second time`, WANTS, remedy);
    }
    keys.set(kid, key);
  }
  if (keys.size === 0) throw new FormError('a file without a key', WANTS, REMEDY);
  return keys;
}

function parseKey(entry: string, where: string): [kid: string, key: Uint8Array] {
  const [, kid, text = ''] = /^([A-Za-z0-9_-]{1,32}):(.*)$/.exec(entry) ?? [];
  if (kid === undefined) {
    const got = `${where}: ${entry.length} characters without the kid of a key and a colon`;
    throw new FormError(got, WANTS, REMEDY);
  }
  const key = Buffer.from(text, 'base64url');
  if (/^[A-Za-z0-9_-]{43}=?$/.test(text) && key.length === KEY_BYTES) return [kid, key];
  const got = `${where}: a key of ${text.length} characters after ${kid}:, not of 43`;
  const isOther = /^[A-Za-z0-9+/]{43}=?$/.test(text);
  throw new FormError(
    isOther ? `${where}: a key in base64 after ${kid}:` : got,
    WANTS,
    isOther ? 'write - for + and _ for / in the key' : REMEDY,
  );
}

/** The key that seals and signs. @throws {Error} for an empty keyring. */
export function newest(keys: Keyring): [kid: string, key: Uint8Array] {
  const [first] = keys;
  if (!first) throw new Error('there is no key');
  return first;
}
