import { createHash, timingSafeEqual } from 'node:crypto';
import { FormError } from '../../config/problem.js';
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
const LINES = 'lines of token, token name, or token name scope,scope';
const TOKENS = 'a token of 16 to 8192 visible ASCII characters';
const NEW_TOKEN = '`openssl rand -hex 32` prints a token';

/**
 * Parses lines of `token [name [scope,…]]`. A line without scopes grants all scopes. Tokens with
 * the same name belong to the same caller, so that a token can be replaced.
 *
 * @throws {FormError} naming the line and never its text, which may be the token.
 */
export function parseFileTokens(text: string): FileToken[] {
  const tokens: FileToken[] = [];
  for (const { entry, line } of numberedEntries(text)) {
    const where = `line ${line}`;
    const token = parseLine(entry, where);
    if (findByDigest(token.digest, tokens)) {
      const got = `${where}: a token that an earlier line has as well`;
      throw new FormError(
        got,
        'a token of its own in each line',
        'remove one of the two lines',
      );
    }
    tokens.push(token);
  }
  if (tokens.length === 0)
    throw new FormError('a file without a token', LINES, NEW_TOKEN);
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
    const isShort = token.length < 16;
    const got = isShort ? '' : ' with a character that is not visible ASCII, or too long';
    throw new FormError(
      `${where}: a token of ${token.length} characters${got}`,
      TOKENS,
      NEW_TOKEN,
    );
  }
  if (name !== undefined && !NAME.test(name)) {
    const got = `${where}: a name of ${name.length} characters of another form`;
    throw new FormError(
      got,
      'a name of 1 to 64 letters, digits, . _ : @ / or -',
      'correct the name',
    );
  }
  if (more.length > 0) {
    const got = `${where}: ${more.length + 3} words`;
    throw new FormError(got, LINES, 'separate scopes with commas, without blanks');
  }
  const digest = digestOf(token);
  const caller = name ?? digest.toString('hex').slice(0, FINGERPRINT_DIGITS);
  const principal = { name: `token:${caller}`, scopes: parseScopes(scopes, where) };
  return { digest, principal };
}

function parseScopes(list: string | undefined, where: string): ReadonlySet<Scope> {
  const scopes = list?.split(',') ?? SCOPES;
  const wrong = scopes.find((scope) => !isScope(scope));
  if (wrong !== undefined) {
    const shown = /^[a-z]+:[a-z]+$/.test(wrong) ? `the scope ${wrong}` : 'a scope';
    throw new FormError(
      `${where}: ${shown} that does not exist`,
      `scopes of ${SCOPES.join(', ')}`,
      'correct the scope',
    );
  }
  return new Set(scopes as Scope[]);
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
