import type { Request, Response } from 'express';
import { describe, expect, it } from '@jest/globals';
import { AccessMiddleware } from '../../src/access/access.middleware.js';
import { ConfigError, type Config } from '../../src/config.js';
import { Problem } from '../../src/problem/problem.js';
import { temporaryFile } from '../support/temporary-file.js';

const TOKEN = 'a-token-of-16-or-more';
const OTHER = 'another-one-just-as-long';

const middlewareOf = (tokensFile: string | undefined): AccessMiddleware =>
  new AccessMiddleware({ access: { tokensFile, open: !tokensFile } } as Config);

/** True when the request is passed on; throws what the middleware throws. */
function passes(middleware: AccessMiddleware, authorization?: string): boolean {
  let passed = false;
  const request = { headers: { authorization } } as Request;
  middleware.use(request, {} as Response, () => {
    passed = true;
  });
  return passed;
}

describe('AccessMiddleware', () => {
  it('lets bearers of any token of the file in', () => {
    using file = temporaryFile(`# mine\n${TOKEN}\n\n ${OTHER} \n`);
    const middleware = middlewareOf(file.path);
    for (const header of [`Bearer ${TOKEN}`, `bearer ${OTHER}`, `BEARER ${TOKEN}`]) {
      expect(passes(middleware, header)).toBe(true);
    }
    middleware.onModuleDestroy();
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
    const middleware = middlewareOf(file.path);
    let problem: unknown;
    try {
      passes(middleware, header);
    } catch (error) {
      problem = error;
    }
    expect(problem).toBeInstanceOf(Problem);
    expect(problem).toMatchObject({
      status: 401,
      code: 'unauthenticated',
      headers: { 'WWW-Authenticate': 'Bearer' },
    });
    middleware.onModuleDestroy();
  });

  it('lets everybody in where the configuration has no file', () => {
    expect(passes(middlewareOf(undefined))).toBe(true);
  });

  it.each(['', '# none\n', 'short', `${TOKEN}\nshort`])(
    'does not let the service start on %j',
    (text) => {
      using file = temporaryFile(text);
      expect(() => middlewareOf(file.path)).toThrow(ConfigError);
      expect(() => middlewareOf(file.path)).toThrow(
        /^bad environment\n {2}API_TOKENS_FILE: /,
      );
    },
  );
});
