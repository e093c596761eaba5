import type { ExecutionContext } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { AccessGuard } from '../../src/access/access.guard.js';
import { ConfigError, type Config } from '../../src/config.js';
import { Problem } from '../../src/problem/problem.js';
import { temporaryFile } from '../support/temporary-file.js';

const TOKEN = 'a-token-of-16-or-more';
const OTHER = 'another-one-just-as-long';

const guardOf = (tokensFile: string | undefined): AccessGuard =>
  new AccessGuard({ access: { tokensFile, open: !tokensFile } } as Config);

const contextOf = (authorization?: string): ExecutionContext => {
  const request = { headers: { authorization } };
  return {
    switchToHttp: () => ({ getRequest: () => request }),
  } as unknown as ExecutionContext;
};

describe('AccessGuard', () => {
  it('lets bearers of any token of the file in', () => {
    using file = temporaryFile(`# mine\n${TOKEN}\n\n ${OTHER} \n`);
    const guard = guardOf(file.path);
    for (const header of [`Bearer ${TOKEN}`, `bearer ${OTHER}`, `BEARER ${TOKEN}`]) {
      expect(guard.canActivate(contextOf(header))).toBe(true);
    }
    guard.onModuleDestroy();
  });

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    TOKEN,
    `Basic ${TOKEN}`,
    `Bearer  ${TOKEN}`,
    `Bearer ${TOKEN} `,
    `Bearer ${TOKEN},${OTHER}`,
    `Bearer ${TOKEN}\n`,
    `Bearer ${TOKEN.toUpperCase()}`,
    `Bearer ${TOKEN.slice(1)}`,
    `Bearer ${TOKEN}${OTHER}`,
    'Bearer # mine',
    `Bearer ${'x'.repeat(4097)}`,
  ])('keeps %j out', (header) => {
    using file = temporaryFile(`# mine\n${TOKEN}\n${OTHER}\n`);
    const guard = guardOf(file.path);
    let problem: unknown;
    try {
      guard.canActivate(contextOf(header));
    } catch (error) {
      problem = error;
    }
    expect(problem).toBeInstanceOf(Problem);
    expect(problem).toMatchObject({
      status: 401,
      code: 'unauthenticated',
      headers: { 'WWW-Authenticate': 'Bearer' },
    });
    guard.onModuleDestroy();
  });

  it('lets everybody in where the configuration has no file', () => {
    expect(guardOf(undefined).canActivate(contextOf())).toBe(true);
  });

  it.each(['', '# none\n', 'short', `${TOKEN}\nshort`])(
    'does not let the service start on %j',
    (text) => {
      using file = temporaryFile(text);
      expect(() => guardOf(file.path)).toThrow(ConfigError);
      expect(() => guardOf(file.path)).toThrow(/^bad environment\n {2}API_TOKENS_FILE: /);
    },
  );
});
