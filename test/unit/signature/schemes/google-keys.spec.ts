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
import { json, LoopbackServer, text } from '../../../support/loopback-server.js';

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

/** A verification that passes with any key. */
const any = ({ ed25519 }: KeySet) => ed25519.map(({ keyId }) => keyId).join();

/** A verification that passes with this key alone. */
const only = (jwk: PublicJwk | undefined) => (set: KeySet) =>
  set.ed25519.find(({ keyId }) => keyId === jwk?.['kid'])?.keyId;

const unavailable = (run: Promise<unknown>) =>
  expect(run).rejects.toBeInstanceOf(KeysUnavailableError);

/** Waits for a read in the background: a verification without a match joins it. */
const settled = () => keys.match(() => undefined).catch(() => undefined);

describe('GoogleKeys', () => {
  it('reads once for a hundred concurrent verifications, and keeps the keys', async () => {
    const found = await Promise.all(Array.from({ length: 100 }, () => keys.match(any)));
    expect(new Set(found)).toEqual(new Set([FIRST?.['kid']]));
    await keys.match(any);
    expect(server.requests).toHaveLength(1);
  });

  it('tells the age of its keys', async () => {
    expect(keys.ageSeconds).toBe(-1);
    await keys.match(any);
    nowMs += 7000;
    expect(keys.ageSeconds).toBe(7);
  });

  it('reads again for the first signature that no known key matches', async () => {
    await keys.match(any);
    server.answer = json({ keys: [FIRST, SECOND] });
    nowMs += COOLDOWN_MS;
    expect(await keys.match(only(SECOND))).toBe(SECOND?.['kid']);
    expect(server.requests).toHaveLength(2);
  });

  it('reads at most once in a cooldown, however many signatures match no key', async () => {
    await keys.match(any);
    for (let second = 0; second < 90; second++) {
      nowMs += 1000;
      const found = await Promise.all([keys.match(only(THIRD)), keys.match(only(THIRD))]);
      expect(found).toEqual([undefined, undefined]);
    }
    expect(server.requests).toHaveLength(1 + 90_000 / COOLDOWN_MS);
  });

  it('reads old keys again in the background', async () => {
    await keys.match(any);
    server.answer = json({ keys: [SECOND] });
    nowMs += FRESH_MS + 1;
    expect(await keys.match(any)).toBe(FIRST?.['kid']);
    await settled();
    expect(await keys.match(any)).toBe(SECOND?.['kid']);
    expect(server.requests).toHaveLength(2);
  });

  it('uses stale keys while the endpoint is down, up to its limit', async () => {
    await keys.match(any);
    server.answer = text(503, '');
    nowMs += STALE_MS;
    expect(await keys.match(any)).toBe(FIRST?.['kid']);
    await settled();
    nowMs += 1;
    await unavailable(keys.match(any));
  });

  it('refuses no signature while it cannot read newer keys', async () => {
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

  it('is unavailable without keys while the endpoint is down, and asks again after a pause', async () => {
    server.answer = text(404, '');
    expect(keys.isFailing).toBe(false); // not read yet
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
  ])('refuses an answer with %s, and keeps the keys it has', async (_, body) => {
    server.answer = text(200, body);
    await unavailable(keys.match(any));

    server.answer = json({ keys: [FIRST] });
    nowMs += BACKOFF_MS;
    await keys.match(any);
    server.answer = text(200, body);
    nowMs += FRESH_MS + 1;
    await keys.match(any);
    await settled();
    expect(await keys.match(any)).toBe(FIRST?.['kid']);
  });

  it('leaves out a broken key, and keeps the others', async () => {
    const broken = { ...FIRST, kid: 'broken', x: 'AAAA' };
    server.answer = json({ keys: [broken, { ...FIRST, kid: 7 }, FIRST, SECOND] });
    expect(await keys.match(any)).toBe(`${FIRST?.['kid']},${SECOND?.['kid']}`);
  });

  it('stops reading an answer that is too long', async () => {
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

  it('gives up on an endpoint that does not answer', async () => {
    const deadline = new AbortController();
    const timeout = jest.spyOn(AbortSignal, 'timeout');
    timeout.mockReturnValueOnce(deadline.signal);
    server.answer = () => deadline.abort(new Error('too late'));
    await unavailable(keys.match(any));
    expect(timeout).toHaveBeenCalledWith(2000);
    timeout.mockRestore();
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

  it('is unavailable without an endpoint', async () => {
    const nowhere = new GoogleKeys('http://127.0.0.1:1/', STALE_MS, () => nowMs);
    await unavailable(nowhere.match(any));
  });

  it('passes on what the verification throws', async () => {
    const refusal = new Error('refused');
    await expect(keys.match(() => Promise.reject(refusal))).rejects.toBe(refusal);
  });
});
