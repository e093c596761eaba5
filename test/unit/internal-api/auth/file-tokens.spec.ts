import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import {
  findFileToken,
  parseFileTokens,
} from '../../../../src/internal-api/auth/file-tokens.js';
import { SCOPES } from '../../../../src/config/api-scopes.js';

const TOKEN = 'a-token-of-16-or-more';
const OTHER = 'another-one-just-as-long';
const FINGERPRINT = createHash('sha256').update(TOKEN).digest('hex').slice(0, 8);

const principalIn = (text: string, token = TOKEN) =>
  findFileToken(token, parseFileTokens(text));

describe('parseFileTokens', () => {
  it.each<[string, string, readonly string[]]>([
    [TOKEN, FINGERPRINT, SCOPES],
    [`# mine\n\n  ${TOKEN}\t\r\n`, FINGERPRINT, SCOPES],
    [`${TOKEN} billing`, 'billing', SCOPES],
    [`${TOKEN} billing jobs:read`, 'billing', ['jobs:read']],
    [
      `${OTHER}\n${TOKEN}\tops@a/b.c:d_e   jobs:write,webhooks:admin\n`,
      'ops@a/b.c:d_e',
      ['jobs:write', 'webhooks:admin'],
    ],
  ])('knows whose a token of %j is', (text, name, scopes) => {
    const principal = principalIn(text);
    expect(principal).toEqual({ name: `token:${name}`, scopes: new Set(scopes) });
  });

  it('gives each token of one name its own scopes', () => {
    const text = `${TOKEN} billing jobs:read\n${OTHER} billing jobs:write`;
    expect(principalIn(text)?.scopes).toEqual(new Set(['jobs:read']));
    expect(principalIn(text, OTHER)?.scopes).toEqual(new Set(['jobs:write']));
  });

  it.each([
    `${TOKEN} billing jobs:delete`,
    `${TOKEN} billing jobs:read,`,
    `${TOKEN} billing ,`,
    `${TOKEN} billing JOBS:READ`,
    `${TOKEN} billing jobs:read jobs:write`,
    `${TOKEN} billing jobs:read # why`,
    `${TOKEN} # why`,
    `${TOKEN} bill,ing`,
    `${TOKEN} ${'x'.repeat(65)}`,
    `billing jobs:read ${TOKEN}`,
    `short ${TOKEN}`,
    TOKEN.slice(0, 15),
    `${TOKEN}é`,
    'x'.repeat(8193),
    OTHER,
  ])('refuses %j, and says the line and nothing of what it holds', (line) => {
    const parse = () => parseFileTokens(`# tokens\n${OTHER}\n\n${line}\n`);
    expect(parse).toThrow(/^got line 4: /);
    for (const part of line.split(/[\s,]+/).filter(({ length }) => length > 5)) {
      if (part.startsWith('jobs:')) continue; // the message lists what there is
      expect(parse).not.toThrow(part);
    }
  });

  it.each(['', '\n', '# none\n'])('refuses %j', (text) => {
    expect(() => parseFileTokens(text)).toThrow('got a file without a token');
  });
});

describe('findFileToken', () => {
  it.each([
    '',
    TOKEN.slice(1),
    TOKEN.slice(0, -1),
    `${TOKEN}${OTHER}`,
    TOKEN.toUpperCase(),
    `${TOKEN} billing`,
    'billing',
    '# mine',
    createHash('sha256').update(TOKEN).digest('hex'),
  ])('does not know %j', (token) => {
    expect(principalIn(`# mine\n${TOKEN} billing\n${OTHER}`, token)).toBeUndefined();
  });
});
