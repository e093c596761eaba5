import { createHash, timingSafeEqual } from 'node:crypto';
import { numberedEntries } from '../../infrastructure/files/watched-file.js';
import type { Principal } from './principal.js';
import { isScope, SCOPES, type Scope } from '../../config/api-scopes.js';

/** A token of `API_TOKENS_FILE`: its digest, and whose it is. */
export interface FileToken {
  readonly digest: Buffer;
  readonly principal: Principal;
}

const TOKEN = /^[\x21-\x7e]{16,8192}$/;
const NAME = /^[A-Za-z0-9._:@/-]{1,64}$/;
const FINGERPRINT_DIGITS = 8;

/**
 * Reads lines of `token [name [scope,…]]`. A line without scopes gives all of them; tokens of
 * the same name are the same caller's, which is what a rotation needs.
 *
 * @throws {Error} naming the line and never what stands there, which may be the token.
 */
export function parseFileTokens(text: string): FileToken[] {
  const tokens: FileToken[] = [];
  for (const { entry, line } of numberedEntries(text)) {
    const where = `line ${line}`;
    const token = parseLine(entry, where);
    if (find(token.digest, tokens)) throw new Error(`${where}: the token came before`);
    tokens.push(token);
  }
  if (tokens.length === 0) throw new Error('there is no token');
  return tokens;
}

/** Compared by digest: equal lengths, and the time tells nothing about the token. */
export function findFileToken(
  token: string,
  tokens: readonly FileToken[],
): Principal | undefined {
  return find(digestOf(token), tokens)?.principal;
}

function parseLine(entry: string, where: string): FileToken {
  const [token = '', name, scopes, ...more] = entry.split(/\s+/);
  if (!TOKEN.test(token)) {
    throw new Error(`${where}: a token has 16 to 8192 visible ASCII characters`);
  }
  if (name !== undefined && !NAME.test(name)) {
    throw new Error(`${where}: a name has 1 to 64 letters, digits, . _ : @ / or -`);
  }
  if (more.length > 0) throw new Error(`${where}: want token, name and scopes`);
  const digest = digestOf(token);
  const known = name ?? digest.toString('hex').slice(0, FINGERPRINT_DIGITS);
  const principal = { name: `token:${known}`, scopes: parseScopes(scopes, where) };
  return { digest, principal };
}

function parseScopes(list: string | undefined, where: string): ReadonlySet<Scope> {
  const scopes = list?.split(',') ?? SCOPES;
  if (!scopes.every(isScope)) {
    throw new Error(`${where}: want scopes of ${SCOPES.join(', ')}`);
  }
  return new Set(scopes);
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function find(digest: Buffer, tokens: readonly FileToken[]): FileToken | undefined {
  return tokens.filter((known) => timingSafeEqual(known.digest, digest))[0];
}
