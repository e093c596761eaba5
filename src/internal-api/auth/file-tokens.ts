import { createHash, timingSafeEqual } from 'node:crypto';
import { numberedEntries } from '../../infrastructure/files/watched-file.js';
import type { Principal } from './principal.js';
import { isScope, SCOPES, type Scope } from '../../config/api-scopes.js';

/** A token of `API_TOKENS_FILE`: its SHA-256 and its caller. */
export interface FileToken {
  readonly digest: Buffer;
  readonly principal: Principal;
}

const TOKEN = /^[\x21-\x7e]{16,8192}$/;
const NAME = /^[A-Za-z0-9._:@/-]{1,64}$/;
const FINGERPRINT_DIGITS = 8;

/**
 * Parses lines of `token [name [scope,…]]`. A line without scopes grants all scopes. Tokens with
 * the same name belong to the same caller, so that a token can be replaced.
 *
 * @throws {Error} with the number of the line and never its text, which may be a token.
 */
export function parseFileTokens(text: string): FileToken[] {
  const tokens: FileToken[] = [];
  for (const { entry, line } of numberedEntries(text)) {
    const where = `line ${line}`;
    const token = parseLine(entry, where);
    if (findByDigest(token.digest, tokens))
      throw new Error(`${where}: the token is also on an earlier line`);
    tokens.push(token);
  }
  if (tokens.length === 0)
    throw new Error('the file has no token: want lines of token, name and scopes');
  return tokens;
}

/** Compares digests: they have equal lengths, and the time of a comparison reveals nothing. */
export function findFileToken(
  token: string,
  tokens: readonly FileToken[],
): Principal | undefined {
  return findByDigest(digestOf(token), tokens)?.principal;
}

function parseLine(entry: string, where: string): FileToken {
  const [token = '', name, scopes, ...more] = entry.split(/\s+/);
  if (!TOKEN.test(token)) {
    throw new Error(`${where}: a token has 16 to 8192 visible ASCII characters`);
  }
  if (name !== undefined && !NAME.test(name)) {
    throw new Error(`${where}: a name has 1 to 64 letters, digits, . _ : @ / or -`);
  }
  if (more.length > 0)
    throw new Error(`${where}: want token, name and scopes, and nothing behind them`);
  const digest = digestOf(token);
  const caller = name ?? digest.toString('hex').slice(0, FINGERPRINT_DIGITS);
  const principal = { name: `token:${caller}`, scopes: parseScopes(scopes, where) };
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

function findByDigest(
  digest: Buffer,
  tokens: readonly FileToken[],
): FileToken | undefined {
  return tokens.filter((known) => timingSafeEqual(known.digest, digest))[0];
}
