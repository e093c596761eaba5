import { generateKeyPairSync } from 'node:crypto';
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
  GoogleKeys as Signer,
  type PublicJwk,
} from '../../../../packages/gemini-emulator/src/deliveries/signing.js';
import { KeysUnavailableError } from '../../../../src/infrastructure/jwks/remote-keys.js';
import {
  GoogleKeys,
  type KeySet,
} from '../../../../src/signature/schemes/google-keys.js';
import { hang, json, LoopbackServer, text } from '../../../support/loopback-server.js';

const STALE_MS = 3_600_000;
const FRESH_MS = 600_000;
const COOLDOWN_MS = 30_000;
const BACKOFF_MS = 5000;
const [FIRST, SECOND, THIRD] = Signer.create({ rsa: false }).jwks().keys;

let server: LoopbackServer;
let nowMs: number;
let keys: GoogleKeys;

beforeAll(() => Logger.overrideLogger(false));

beforeEach(async () => {
  server = await LoopbackServer.start(json({ keys: [FIRST] }));
  nowMs = 1_000_000;
  keys = new GoogleKeys(server.url, STALE_MS, () => nowMs);
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

/** A verification that any key passes. */
const any = ({ ed25519 }: KeySet) => ed25519.map(({ keyId }) => keyId).join();

/** A verification that only this key passes. */
const only = (jwk: PublicJwk | undefined) => (set: KeySet) =>
  set.ed25519.find(({ keyId }) => keyId === jwk?.['kid'])?.keyId;

const unavailable = (run: Promise<unknown>) =>
  expect(run).rejects.toBeInstanceOf(KeysUnavailableError);

/** Waits for a request that goes on in the background: without a match it is joined. */
const settled = () => keys.match(() => undefined).catch(() => undefined);

const abortedIn = (ms: number): AbortSignal => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error('too late')), ms);
  return controller.signal;
};

describe('GoogleKeys', () => {
  it('asks once for a hundred that come at once, and keeps the answer', async () => {
    const found = await Promise.all(Array.from({ length: 100 }, () => keys.match(any)));
    expect(new Set(found)).toEqual(new Set([FIRST?.['kid']]));
    await keys.match(any);
    expect(server.requests).toHaveLength(1);
  });

  it('knows how old its keys are', async () => {
    expect(keys.ageSeconds).toBe(-1);
    await keys.match(any);
    nowMs += 7000;
    expect(keys.ageSeconds).toBe(7);
  });

  it('finds a new key by the first signature that no old one passes', async () => {
    await keys.match(any);
    server.answer = json({ keys: [FIRST, SECOND] });
    nowMs += COOLDOWN_MS;
    expect(await keys.match(only(SECOND))).toBe(SECOND?.['kid']);
    expect(server.requests).toHaveLength(2);
  });

  it('cannot be made to ask more than once a cooldown by signatures of unknown keys', async () => {
    await keys.match(any);
    for (let second = 0; second < 90; second++) {
      nowMs += 1000;
      const found = await Promise.all([keys.match(only(THIRD)), keys.match(only(THIRD))]);
      expect(found).toEqual([undefined, undefined]);
    }
    expect(server.requests).toHaveLength(1 + 90_000 / COOLDOWN_MS);
  });

  it('is brought up to date in the background when its keys get old', async () => {
    await keys.match(any);
    server.answer = json({ keys: [SECOND] });
    nowMs += FRESH_MS + 1;
    expect(await keys.match(any)).toBe(FIRST?.['kid']);
    await settled();
    expect(await keys.match(any)).toBe(SECOND?.['kid']);
    expect(server.requests).toHaveLength(2);
  });

  it('serves stale keys while the endpoint is down, but not for ever', async () => {
    await keys.match(any);
    server.answer = text(503, '');
    nowMs += STALE_MS;
    expect(await keys.match(any)).toBe(FIRST?.['kid']);
    await settled();
    nowMs += 1;
    await unavailable(keys.match(any));
  });

  it('does not say that a signature is wrong while it cannot look for newer keys', async () => {
    await keys.match(any);
    server.answer = text(500, '');
    nowMs += COOLDOWN_MS;
    await unavailable(keys.match(only(SECOND)));
    nowMs += 1;
    await unavailable(keys.match(only(SECOND)));
    expect(server.requests).toHaveLength(2);
    server.answer = json({ keys: [FIRST] });
    nowMs += BACKOFF_MS;
    expect(await keys.match(only(SECOND))).toBeUndefined();
  });

  it('is unavailable while it is cold and the endpoint down, and asks seldom', async () => {
    server.answer = text(404, '');
    expect(keys.isFailing).toBe(false); // nobody has asked
    await Promise.all(Array.from({ length: 100 }, () => unavailable(keys.match(any))));
    await unavailable(keys.match(any));
    expect(keys.isFailing).toBe(true);
    expect(server.requests).toHaveLength(1);
    server.answer = json({ keys: [FIRST] });
    nowMs += BACKOFF_MS;
    expect(await keys.match(any)).toBe(FIRST?.['kid']);
    expect(keys.isFailing).toBe(false);
  });

  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const privateRsa = rsa.privateKey.export({ format: 'jwk' });

  it.each([
    ['nothing', ''],
    ['no JSON', '<html>'],
    ['null', 'null'],
    ['no list', '{}'],
    ['a list by another name', '[]'],
    ['an empty set', '{"keys":[]}'],
    ['no object', '{"keys":[null, 1, "x", []]}'],
    ['a symmetric key', '{"keys":[{"kty":"oct","k":"AAAA"}]}'],
    ['a key for encryption', JSON.stringify({ keys: [{ ...FIRST, use: 'enc' }] })],
    ['a private key', JSON.stringify({ keys: [privateRsa] })],
    ['another curve', JSON.stringify({ keys: [{ ...FIRST, crv: 'X25519' }] })],
    ['a broken key', JSON.stringify({ keys: [{ ...FIRST, x: 'AAAA' }] })],
    ['more than a key set is', JSON.stringify({ keys: [FIRST], x: 'x'.repeat(300_000) })],
  ])('takes an answer with %s for none', async (_, body) => {
    server.answer = text(200, body);
    await unavailable(keys.match(any));

    server.answer = json({ keys: [FIRST] });
    nowMs += BACKOFF_MS;
    await keys.match(any);
    server.answer = text(200, body);
    nowMs += FRESH_MS + 1;
    await keys.match(any);
    await settled();
    expect(await keys.match(any)).toBe(FIRST?.['kid']); // what was good stays in use
  });

  it('does without a broken key, and keeps the others', async () => {
    const broken = { ...FIRST, kid: 'broken', x: 'AAAA' };
    server.answer = json({ keys: [broken, { ...FIRST, kid: 7 }, FIRST, SECOND] });
    expect(await keys.match(any)).toBe(`${FIRST?.['kid']},${SECOND?.['kid']}`);
  });

  it('stops reading an answer that does not end', async () => {
    let hungUp: Promise<void> | undefined;
    server.answer = (_request, response) => {
      const more = (): void => {
        while (response.write(' '.repeat(65_536)));
        response.once('drain', more);
      };
      hungUp = new Promise((resolve) => response.once('close', resolve));
      more();
    };
    await unavailable(keys.match(any));
    await hungUp;
  });

  it('gives up on an endpoint that hangs', async () => {
    const asked = jest.spyOn(AbortSignal, 'timeout');
    asked.mockReturnValueOnce(abortedIn(10));
    server.answer = hang;
    await unavailable(keys.match(any));
    expect(asked).toHaveBeenCalledWith(2000);
    asked.mockRestore();
  });

  it('does not follow a redirect', async () => {
    const elsewhere = await LoopbackServer.start(json({ keys: [FIRST] }));
    server.answer = (_request, response) => {
      response.writeHead(302, { location: elsewhere.url }).end();
    };
    await unavailable(keys.match(any));
    expect(elsewhere.requests).toEqual([]);
    await elsewhere[Symbol.asyncDispose]();
  });

  it('is unavailable when nobody listens', async () => {
    const nowhere = new GoogleKeys('http://127.0.0.1:1/', STALE_MS, () => nowMs);
    await unavailable(nowhere.match(any));
  });

  it('hands on what the verification throws', async () => {
    const refusal = new Error('refused');
    await expect(keys.match(() => Promise.reject(refusal))).rejects.toBe(refusal);
  });
});
