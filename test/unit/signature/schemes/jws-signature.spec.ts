import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { base64url, type JWTPayload } from 'jose';
import {
  GoogleKeys as Signer,
  type JwtOverrides,
} from '../../../../packages/gemini-emulator/src/deliveries/signing.js';
import type { Config } from '../../../../src/config/config.js';
import { GoogleKeys } from '../../../../src/signature/schemes/google-keys.js';
import { isToken, verifyToken } from '../../../../src/signature/schemes/jws-signature.js';
import { faultOf } from '../../../support/faults.js';
import { json, LoopbackServer } from '../../../support/loopback-server.js';
import type { Claims } from '../../../support/sender.js';

const SIGNER = Signer.create();
const NOW = 1_700_000_000;
const EVENT = { type: 'batch.succeeded', version: 'v1', data: { id: 'batches/1' } };
const BODY = Buffer.from(JSON.stringify(EVENT));
const CLAIMS: JWTPayload = {
  iat: NOW,
  exp: NOW + 60,
  aud: 'us',
  iss: 'google',
  jti: 'j-1',
};
const SETTINGS: Config['token'] = {
  audience: 'us',
  issuer: undefined,
  maxAgeSeconds: 300,
  bodyHashClaim: 'body_sha256',
  unboundBody: 'confirm',
};

let server: LoopbackServer;
let keys: GoogleKeys;
let nowMs: number;

beforeAll(async () => {
  server = await LoopbackServer.start(json(SIGNER.jwks()));
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

beforeEach(() => {
  nowMs = 0;
  server.requests.length = 0;
  keys = new GoogleKeys(server.url, 3_600_000, () => nowMs);
});

interface Case {
  readonly claims?: Claims;
  readonly body?: Buffer;
  readonly settings?: Partial<Config['token']>;
  readonly header?: Readonly<Record<string, unknown>>;
  readonly key?: JwtOverrides['key'];
}

async function verify({ claims, body = BODY, settings, ...overrides }: Case = {}) {
  const token = await SIGNER.signJwt({ ...CLAIMS, ...claims }, overrides as JwtOverrides);
  return verifyToken(body, token, keys, { ...SETTINGS, ...settings }, NOW * 1000);
}

const rsaJwk = () => SIGNER.jwks().keys.find(({ kty }) => kty === 'RSA')!;
const okpJwk = () => SIGNER.jwks().keys.find(({ kty }) => kty === 'OKP')!;

describe('isToken', () => {
  it('is true for one compact JWS and nothing else', async () => {
    const token = await SIGNER.signJwt(CLAIMS);
    expect(isToken(token)).toBe(true);
    const others = [
      '',
      'v1a,AAAA',
      `v1a,${token}`,
      `${token} `,
      `${token},x`,
      `${token}.x`,
    ];
    others.push(token.slice(token.indexOf('.')), 'eyJ.e30.', `${token}\n`);
    for (const other of others) expect(isToken(other)).toBe(false);
  });
});

describe('a token of Google’s', () => {
  it('has its jti as id and its iat as time', async () => {
    expect(await verify()).toMatchObject({
      scheme: 'jws',
      id: 'j-1',
      timestamp: String(NOW),
      keyId: rsaJwk()['kid'],
      body: BODY,
      bodyBound: false,
    });
  });

  it('has its hash as id if it has no jti', async () => {
    const { id, signature } = await verify({ claims: { jti: undefined } });
    expect(id).toBe(createHash('sha256').update(signature).digest('hex'));
  });

  it.each([
    ['a little old', { iat: NOW - 299 }],
    ['for us among others', { aud: ['them', 'us'] }],
    ['from a clock that is a little ahead', { iat: NOW + 20 }],
    ['just expired, by a clock that is a little behind', { exp: NOW - 20 }],
  ])('may be %s', async (_, claims) => {
    expect((await verify({ claims })).scheme).toBe('jws');
  });

  it('may have any audience if JWT_AUDIENCE is unchecked', async () => {
    const settings = { audience: 'unchecked' };
    expect((await verify({ settings, claims: { aud: 'them' } })).scheme).toBe('jws');
    expect((await verify({ settings, claims: { aud: undefined } })).scheme).toBe('jws');
  });

  it('has to be from JWT_ISSUER', async () => {
    expect((await verify({ settings: { issuer: 'google' } })).scheme).toBe('jws');
    const run = () => verify({ settings: { issuer: 'else' } });
    expect(await faultOf(run)).toBe('token-invalid');
  });
});

describe('a token is refused', () => {
  it.each<[string, Case, string]>([
    ['expired', { claims: { exp: NOW - 31 } }, 'token-expired'],
    ['without exp', { claims: { exp: undefined } }, 'token-invalid'],
    ['without iat', { claims: { iat: undefined } }, 'token-invalid'],
    ['too old', { claims: { iat: NOW - 331 } }, 'token-expired'],
    ['from the future', { claims: { iat: NOW + 31 } }, 'token-invalid'],
    ['with times that are no numbers', { claims: { exp: 'x' } }, 'token-invalid'],
    ['not valid yet', { claims: { nbf: NOW + 60 } }, 'token-invalid'],
    ['for another audience', { claims: { aud: 'them' } }, 'token-audience'],
    ['for no audience', { claims: { aud: undefined } }, 'token-audience'],
    ['with a number for its jti', { claims: { jti: 7 } }, 'token-invalid'],
    ['with an empty jti', { claims: { jti: '' } }, 'token-invalid'],
    ['with a jti too long', { claims: { jti: 'x'.repeat(257) } }, 'token-invalid'],
    ['with a kid unknown', { header: { kid: 'unknown' } }, 'signature-mismatch'],
    ['with an empty kid', { header: { kid: '' } }, 'token-invalid'],
    ['without kid', { header: { kid: undefined } }, 'token-invalid'],
    ['by RS512', { header: { alg: 'RS512' } }, 'token-invalid'],
    ['by PS256', { header: { alg: 'PS256' } }, 'token-invalid'],
  ])('that is %s', async (_, given, fault) => {
    expect(await faultOf(() => verify(given))).toBe(fault);
  });

  it('while the audience is unset', async () => {
    const settings = { audience: undefined };
    expect(await faultOf(() => verify({ settings }))).toBe('token-audience');
    expect(server.requests).toEqual([]);
  });

  it('by HS256 with any public part of a key as the secret', async () => {
    const key = createPublicKey({ key: rsaJwk(), format: 'jwk' });
    const parts = [
      key.export({ type: 'spki', format: 'pem' }),
      key.export({ type: 'spki', format: 'der' }),
      JSON.stringify(rsaJwk()),
      base64url.decode(rsaJwk()['n']!),
      base64url.decode(okpJwk()['x']!),
    ];
    for (const part of parts) {
      for (const { kid } of [rsaJwk(), okpJwk()]) {
        const header = { alg: 'HS256', kid: kid! };
        const run = () => verify({ header, key: new Uint8Array(Buffer.from(part)) });
        expect(await faultOf(run)).toBe('token-invalid');
      }
    }
  });

  it('by RS256 with the kid of an Ed25519 key, and by Ed25519 with that of the RSA key', async () => {
    const header = { kid: okpJwk()['kid']! };
    expect(await faultOf(() => verify({ header }))).toBe('signature-mismatch');
    const { privateKey } = generateKeyPairSync('ed25519');
    for (const { kid } of [rsaJwk(), okpJwk()]) {
      const run = () => verify({ header: { alg: 'EdDSA', kid: kid! }, key: privateKey });
      expect(await faultOf(run)).toBe('token-invalid');
    }
  });

  it('without a signature', async () => {
    const token = await SIGNER.signJwt(CLAIMS);
    const [, claims, signature] = token.split('.');
    for (const alg of ['none', 'None', '']) {
      const header = base64url.encode(JSON.stringify({ alg, kid: rsaJwk()['kid'] }));
      const unsigned = `${header}.${claims}.${signature}`;
      const run = () => verifyToken(BODY, unsigned, keys, SETTINGS, NOW * 1000);
      expect(await faultOf(run)).toBe('token-invalid');
    }
  });

  it('with changed claims or a changed signature', async () => {
    const [header, claims, signature = ''] = (await SIGNER.signJwt(CLAIMS)).split('.');
    const later = base64url.encode(JSON.stringify({ ...CLAIMS, exp: NOW + 61 }));
    const changed = signature.startsWith('A')
      ? `B${signature.slice(1)}`
      : `A${signature.slice(1)}`;
    for (const token of [
      `${header}.${later}.${signature}`,
      `${header}.${claims}.${changed}`,
    ]) {
      nowMs += 60_000;
      const run = () => verifyToken(BODY, token, keys, SETTINGS, NOW * 1000);
      expect(await faultOf(run)).toBe('signature-mismatch');
    }
  });

  it('that is not JSON, without reading keys', async () => {
    for (const token of ['eyJh.e30.AAAA', 'eyJ_.eyJ_.eyJ_']) {
      const run = () => verifyToken(BODY, token, keys, SETTINGS, NOW * 1000);
      expect(await faultOf(run)).toBe('token-invalid');
    }
    expect(server.requests).toEqual([]);
  });

  it('by another key under the same kid', async () => {
    const { kid } = rsaJwk();
    const stranger = Signer.create();
    const token = await stranger.signJwt(CLAIMS, { header: { kid: kid! } });
    const run = () => verifyToken(BODY, token, keys, SETTINGS, NOW * 1000);
    expect(await faultOf(run)).toBe('signature-mismatch');
  });
});

describe('what a token binds', () => {
  it.each<[string, Claims]>([
    ['one claim', { event: EVENT }],
    ['the claims themselves', { ...EVENT }],
  ])('is the event in %s, with any form of the body', async (_, claims) => {
    const spaced = Buffer.from(
      JSON.stringify(EVENT, Object.keys({ id: 1, ...EVENT }).toReversed(), 2),
    );
    for (const body of [BODY, spaced, Buffer.alloc(0)]) {
      const proof = await verify({ claims, body });
      expect(proof.bodyBound).toBe(true);
      expect(JSON.parse(proof.body.toString())).toEqual(EVENT);
    }
  });

  it('is not a body that differs from the event', async () => {
    const others = [
      { ...EVENT, data: { id: 'batches/2' } },
      { ...EVENT, extra: 1 },
      { type: EVENT.type },
      null,
    ].map((other) => JSON.stringify(other));
    for (const body of [...others, 'junk', `${JSON.stringify(EVENT)}x`]) {
      const run = () => verify({ claims: { event: EVENT }, body: Buffer.from(body) });
      expect(await faultOf(run)).toBe('body-mismatch');
    }
  });

  it.each<['hex' | 'base64url' | 'base64']>([['hex'], ['base64url'], ['base64']])(
    'is the body if a claim has its hash in %s',
    async (encoding) => {
      const hash = createHash('sha256').update(BODY).digest(encoding);
      const proof = await verify({ claims: { body_sha256: hash } });
      expect(proof.bodyBound).toBe(true);
      expect(proof.body).toBe(BODY);
      const claim = await verify({
        claims: { digest: hash },
        settings: { bodyHashClaim: 'digest' },
      });
      expect(claim.bodyBound).toBe(true);
    },
  );

  it('is not a body with another hash', async () => {
    const other = createHash('sha256').update('x').digest('hex');
    for (const hash of [other, other.slice(0, 62), '', 7, null, {}]) {
      const run = () => verify({ claims: { body_sha256: hash } });
      expect(await faultOf(run)).toBe('body-mismatch');
    }
  });

  it.each<[string, Claims]>([
    ['nothing about it', {}],
    ['an event that is none', { event: { type: 'ping' } }],
    ['an event that is text', { event: JSON.stringify(EVENT) }],
    ['a type without data', { type: 'batch.succeeded' }],
  ])('is not the body when the claims hold %s', async (_, claims) => {
    expect((await verify({ claims })).bodyBound).toBe(false);
  });
});
