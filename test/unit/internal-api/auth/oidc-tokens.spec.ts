import { createHmac } from 'node:crypto';
import { inspect } from 'node:util';
import { Logger } from '@nestjs/common';
import {
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import {
  AuthError,
  type AuthFault,
} from '../../../../src/internal-api/auth/auth.error.js';
import { isJws, OidcTokens } from '../../../../src/internal-api/auth/oidc-tokens.js';
import type { Scope } from '../../../../src/config/api-scopes.js';
import {
  AUDIENCE,
  issuerKey,
  TestIssuer,
  type IssuerKey,
} from '../../../support/issuer.js';
import { hang, text } from '../../../support/loopback-server.js';

const STALE_MS = 3_600_000;
const FRESH_MS = 600_000;
const COOLDOWN_MS = 30_000;
const BACKOFF_MS = 5000;
const ONE_FETCH = ['/.well-known/openid-configuration', '/keys'];
const RSA = issuerKey('rsa', 'RS256');

let issuer: TestIssuer;
let nowMs: number;
let tokens: OidcTokens;

beforeAll(() => Logger.overrideLogger(false));

beforeEach(async () => {
  issuer = await TestIssuer.start();
  nowMs = 1_000_000;
  tokens = tokensOf();
});

afterEach(async () => {
  await issuer[Symbol.asyncDispose]();
});

function tokensOf(
  settings: {
    issuer?: string;
    scopes?: Scope[];
    subjects?: string[];
  } = {},
): OidcTokens {
  return new OidcTokens(
    {
      issuer: issuer.url,
      audience: AUDIENCE,
      scopes: [],
      subjects: [],
      keysStaleMs: STALE_MS,
      ...settings,
    },
    () => nowMs,
  );
}

const seconds = (fromNow: number): number => Math.floor(Date.now() / 1000) + fromNow;

const segment = (value: object): string =>
  Buffer.from(JSON.stringify(value)).toString('base64url');

/** Refused with this fault, by an error that holds nothing of the token. */
async function refused(token: string, fault: AuthFault): Promise<void> {
  const error = await tokens.principalOf(token).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(AuthError);
  expect(error).toMatchObject({ fault });
  const shown = inspect(error, { depth: 9 });
  for (const part of token.split('.').filter((some) => some !== '')) {
    expect(shown).not.toContain(part);
  }
  expect(shown).not.toContain('billing');
}

const unavailable = (token: string) => refused(token, 'identity-provider-unavailable');

/** Waits for a request that goes on in the background: without a match it is joined. */
async function settled(): Promise<void> {
  const token = await issuer.token({ key: issuerKey('nobody') });
  await tokens.principalOf(token).catch(() => undefined);
}

describe('isJws', () => {
  it.each([
    ['a.b.c', true],
    ['a.b.', true],
    ['a-token-of-16-or-more', false],
    ['a.b', false],
    ['a.b.c.d.e', false],
    ['a.b.c ', false],
    ['.b.c', false],
  ])('of %j is %s', (token, expected) => {
    expect(isJws(token)).toBe(expected);
  });
});

describe('OidcTokens', () => {
  it.each(['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'])('takes %s', async (alg) => {
    issuer.keys = [issuerKey('a'), issuerKey('b', alg)];
    const token = await issuer.token({ key: issuer.keys[1]! });
    expect(await tokens.principalOf(token)).toEqual({
      name: 'oidc:billing',
      scopes: new Set(),
    });
  });

  it.each<[string, object, Scope[]]>([
    ['scope', { scope: 'jobs:read openid jobs:write' }, ['jobs:write', 'jobs:read']],
    [
      'scp, a string',
      { scp: 'jobs:read webhooks:admin' },
      ['jobs:read', 'webhooks:admin'],
    ],
    ['scp, a list', { scp: ['jobs:write', 'other', 7] }, ['jobs:write']],
    ['both', { scope: 'jobs:read', scp: ['jobs:write'] }, ['jobs:write', 'jobs:read']],
    ['what is no scope', { scope: 'jobs:writer JOBS:READ jobs:*' }, []],
    ['nothing at all', { scope: '' }, []],
    ['something else', { scope: 7, scp: { 'jobs:read': true } }, []],
  ])('has the scopes of %s', async (_, claims, scopes) => {
    tokens = tokensOf({ scopes: ['jobs:write'], subjects: ['*'] });
    const principal = await tokens.principalOf(
      await issuer.token({ claims: { ...claims } }),
    );
    expect([...principal.scopes].toSorted()).toEqual(scopes.toSorted());
  });

  it.each<[string, string[], boolean]>([
    [
      'system:serviceaccount:billing:submitter',
      ['system:serviceaccount:billing:*'],
      true,
    ],
    ['system:serviceaccount:billing:submitter', ['*'], true],
    ['submitter', ['other', 'submitter'], true],
    ['submitter-2', ['submitter'], false],
    [
      'system:serviceaccount:billing-2:submitter',
      ['system:serviceaccount:billing:*'],
      false,
    ],
    ['*', ['submitter'], false],
    ['submitter', [], false],
  ])('without a claim of scopes %s of %j has the granted ones: %s', async (...row) => {
    const [sub, subjects, isGranted] = row;
    tokens = tokensOf({ scopes: ['jobs:write', 'jobs:read'], subjects });
    const principal = await tokens.principalOf(await issuer.token({ claims: { sub } }));
    expect(principal).toEqual({
      name: `oidc:${sub}`,
      scopes: new Set(isGranted ? ['jobs:write', 'jobs:read'] : []),
    });
  });

  it.each<[string, AuthFault, object]>([
    ['for another audience', 'token-audience', { aud: 'somebody-else' }],
    ['without an audience', 'token-audience', { aud: undefined }],
    ['of another issuer', 'token-invalid', { iss: 'https://issuer.example' }],
    ['of an issuer almost ours', 'token-invalid', { iss: 'http://127.0.0.1' }],
    ['of no issuer', 'token-invalid', { iss: undefined }],
    ['that has expired', 'token-expired', { exp: seconds(-31) }],
    ['that never expires', 'token-invalid', { exp: undefined }],
    ['that is not yet good', 'token-invalid', { nbf: seconds(60) }],
    ['without a subject', 'token-invalid', { sub: undefined }],
    ['about a number', 'token-invalid', { sub: 7 }],
    ['about an empty subject', 'token-invalid', { sub: '' }],
    ['about a line break', 'token-invalid', { sub: 'a\nb' }],
    ['with a long subject', 'token-invalid', { sub: 'x'.repeat(256) }],
  ])('refuses a token %s', async (_, fault, claims) => {
    await refused(await issuer.token({ claims: { ...claims } }), fault);
  });

  it('allows 30 s between the clocks, and several audiences', async () => {
    const claims = { exp: seconds(-25), nbf: seconds(25), aud: ['another', AUDIENCE] };
    const { name } = await tokens.principalOf(await issuer.token({ claims }));
    expect(name).toBe('oidc:billing');
  });

  it('refuses a token without a signature, and does not ask the issuer', async () => {
    const [, claims] = (await issuer.token()).split('.');
    for (const alg of ['none', 'None', '', undefined]) {
      await refused(`${segment({ alg, kid: 'key-1' })}.${claims}.`, 'token-invalid');
    }
    await refused('e30.e30.e30', 'token-invalid');
    await refused('!.!.!', 'token-invalid');
    expect(issuer.asked).toEqual([]);
  });

  it('refuses a token that is signed with the public key as a secret', async () => {
    issuer.keys = [RSA];
    const [, claims] = (await issuer.token()).split('.');
    const pem = RSA.publicKey.export({ format: 'pem', type: 'spki' });
    const der = RSA.publicKey.export({ format: 'der', type: 'spki' });
    const { n = '' } = RSA.publicKey.export({ format: 'jwk' });
    for (const secret of [pem, String(pem).trim(), der, n, Buffer.from(n, 'base64url')]) {
      const input = `${segment({ alg: 'HS256', kid: 'rsa' })}.${claims}`;
      const mac = createHmac('sha256', secret).update(input).digest('base64url');
      await refused(`${input}.${mac}`, 'token-invalid');
    }
  });

  it('refuses a good token of which anything was changed', async () => {
    const [header, claims, signature] = (await issuer.token()).split('.') as [
      string,
      string,
      string,
    ];
    const other = await issuer.token({ claims: { sub: 'admin' } });
    await refused(`${header}.${other.split('.')[1]}.${signature}`, 'token-unknown');
    const { 0: first, length } = signature;
    const flipped = (first === 'A' ? 'B' : 'A') + signature.slice(1, length);
    await refused(`${header}.${claims}.${flipped}`, 'token-unknown');
    await refused(`${header}.${claims}.`, 'token-unknown');
  });

  it.each<[string, () => IssuerKey]>([
    ['under the name of the issuer’s', () => issuerKey('key-1')],
    ['of another algorithm under that name', () => ({ ...RSA, kid: 'key-1' })],
    ['with a name of its own', () => issuerKey('key-2')],
  ])('refuses a token that is signed with another key, %s', async (_, key) => {
    await refused(await issuer.token({ key: key() }), 'token-unknown');
  });

  it('refuses a token with a header that it would have to understand', async () => {
    const header = { crit: ['policy'], policy: 'strict' };
    const key = issuer.keys[0]!;
    const token = segment({ alg: key.alg, kid: key.kid, ...header });
    const [, claims, signature] = (await issuer.token()).split('.');
    await refused(`${token}.${claims}.${signature}`, 'token-invalid');
  });
});

describe('the keys of the issuer', () => {
  it('are asked for once by a hundred that come at once', async () => {
    const token = await issuer.token();
    await Promise.all(Array.from({ length: 100 }, () => tokens.principalOf(token)));
    expect(issuer.asked).toEqual(ONE_FETCH);
    nowMs += 7000;
    expect(tokens.keys.ageSeconds).toBe(7);
  });

  it('are found under the address of an issuer that ends in a slash', async () => {
    const slashed = `${issuer.url}/`;
    issuer.document = { issuer: slashed };
    tokens = tokensOf({ issuer: slashed });
    await tokens.principalOf(await issuer.token({ claims: { iss: slashed } }));
    await refused(await issuer.token(), 'token-invalid');
  });

  it('are looked for again when a token names another one, but seldom', async () => {
    await tokens.principalOf(await issuer.token());
    issuer.keys = [issuerKey('key-2')];
    const rotated = await issuer.token();
    await refused(rotated, 'token-unknown');
    expect(issuer.asked).toEqual(ONE_FETCH);
    nowMs += COOLDOWN_MS;
    await tokens.principalOf(rotated);
    expect(issuer.asked).toEqual([...ONE_FETCH, ...ONE_FETCH]);
  });

  it('count no more when the issuer has withdrawn them', async () => {
    const old = await issuer.token();
    await tokens.principalOf(old);
    issuer.keys = [issuerKey('key-2')];
    nowMs += FRESH_MS + 1;
    await settled();
    await refused(old, 'token-unknown');
  });

  it('are missing while the issuer is down: callers are neither let in nor refused', async () => {
    issuer.fault = text(503, '');
    const token = await issuer.token();
    await unavailable(token);
    await unavailable(token);
    expect(issuer.asked).toHaveLength(1);
    issuer.fault = undefined;
    nowMs += BACKOFF_MS;
    await tokens.principalOf(token);
  });

  it('go on being used while the issuer is down, but not for ever', async () => {
    const token = await issuer.token();
    await tokens.principalOf(token);
    issuer.fault = text(500, '');
    nowMs += STALE_MS;
    await tokens.principalOf(token);
    await settled();
    await unavailable(await issuer.token({ key: issuerKey('key-2') }));
    await tokens.principalOf(token);
    await refused(await issuer.token({ claims: { aud: 'other' } }), 'token-audience');
    nowMs += 1;
    await unavailable(token);
  });

  it('are given up when the issuer hangs', async () => {
    const asked = jest.spyOn(AbortSignal, 'timeout');
    const controller = new AbortController();
    asked.mockReturnValueOnce(controller.signal);
    issuer.fault = hang;
    setTimeout(() => controller.abort(new Error('too late')), 10);
    await unavailable(await issuer.token());
    expect(asked).toHaveBeenCalledWith(2000);
    asked.mockRestore();
  });

  it('do not come from where a redirect leads', async () => {
    issuer.fault = ({ url }, response) =>
      void response.writeHead(302, { location: `/elsewhere${url}` }).end();
    await unavailable(await issuer.token());
    expect(issuer.asked).toHaveLength(1);
  });

  it.each<[string, (url: string) => object]>([
    ['of another issuer', () => ({ issuer: 'https://issuer.example' })],
    ['of an issuer almost ours', (url) => ({ issuer: `${url}/` })],
    ['of no issuer', () => ({ issuer: undefined })],
    ['without an address', () => ({ jwks_uri: undefined })],
    ['with a list of addresses', (url) => ({ jwks_uri: [`${url}/keys`] })],
    ['with an address without TLS', () => ({ jwks_uri: 'http://k.example/' })],
    ['with a file', () => ({ jwks_uri: 'file:///etc/keys' })],
    ['with a password', (url) => ({ jwks_uri: `${url.replace('//', '//u:p@')}/keys` })],
    ['with an address where nothing is', (url) => ({ jwks_uri: `${url}/nothing` })],
    [
      'with an address of something else',
      (url) => ({ jwks_uri: `${url}/.well-known/openid-configuration` }),
    ],
  ])('do not come from a document %s', async (_, document) => {
    issuer.document = { ...document(issuer.url) };
    await unavailable(await issuer.token());
  });

  it('do not come from an empty set, nor a document that is none', async () => {
    issuer.keys = [];
    await unavailable(await issuer.token({ key: RSA }));
    for (const body of ['null', '[]', '"x"', '<html>', '']) {
      issuer.fault = text(200, body);
      nowMs += BACKOFF_MS;
      await unavailable(await issuer.token({ key: RSA }));
    }
  });
});
