import { entries } from './watched-file.js';

/** Keys by `kid`, newest first: the first one seals and signs, all of them open and verify. */
export type Keyring = ReadonlyMap<string, Uint8Array>;

/** For HS256 and A256GCM alike. */
export const KEY_BYTES = 32;

/**
 * Reads one `kid:<base64url of 32 bytes>` a line, newest first.
 *
 * @throws {Error} for an empty file, another form or a repeated `kid`; no key is in it.
 */
export function parseKeyring(text: string): Keyring {
  const keys = new Map<string, Uint8Array>();
  for (const entry of entries(text)) {
    const match = /^([A-Za-z0-9_-]{1,32}):([A-Za-z0-9_-]{43})=?$/.exec(entry);
    const key = Buffer.from(match?.[2] ?? '', 'base64url');
    if (!match || key.length !== KEY_BYTES) {
      throw new Error('a key reads kid:<base64url of 32 bytes>');
    }
    const kid = match[1] as string;
    if (keys.has(kid)) throw new Error(`key ${kid} is there twice`);
    keys.set(kid, key);
  }
  if (keys.size === 0) throw new Error('there is no key');
  return keys;
}

/** @throws {Error} when there is none. */
export function newest(keys: Keyring): [kid: string, key: Uint8Array] {
  const [first] = keys;
  if (!first) throw new Error('there is no key');
  return first;
}
