import { describe, expect, it } from '@jest/globals';
import { GoogleKeys as Signer } from '../../../../packages/gemini-emulator/src/deliveries/signing.js';
import { GoogleKeys } from '../../../../src/signature/schemes/google-keys.js';
import { verifyPublicKey } from '../../../../src/signature/schemes/ed25519-signature.js';
import { faultOf } from '../../../support/faults.js';
import { json, LoopbackServer } from '../../../support/loopback-server.js';

const SIGNER = Signer.create({ rsa: false });
const NOW = 1_700_000_000;
const BODY = Buffer.from([0x7b, 0xff, 0x7d]);

const signed = (signer = SIGNER, id = 'msg_1', timestamp = NOW) => ({
  id,
  timestamp: String(timestamp),
  signature: signer.signV1a(id, timestamp, BODY),
});

async function withKeys<T>(
  use: (keys: GoogleKeys, server: LoopbackServer) => Promise<T>,
  jwks: object = SIGNER.jwks(),
): Promise<T> {
  await using server = await LoopbackServer.start(json(jwks));
  return await use(new GoogleKeys(server.url, 3_600_000), server);
}

const verify = (keys: GoogleKeys, headers = signed(), body = BODY, nowMs = NOW * 1000) =>
  verifyPublicKey(body, headers, keys, nowMs);

describe('verifyPublicKey', () => {
  it('returns the proof of a delivery with the id of the key', () =>
    withKeys(async (keys) => {
      const headers = signed();
      const proof = await verify(keys, headers);
      const keyId = SIGNER.jwks().keys[1]?.['kid']; // the second of three keys
      expect(proof).toEqual({
        scheme: 'v1a',
        ...headers,
        body: BODY,
        bodyBound: true,
        keyId,
      });
    }));

  it('names a key without kid by its index', () => {
    const nameless = Signer.create({ kid: false, rsa: false });
    return withKeys(async (keys) => {
      expect((await verify(keys, signed(nameless))).keyId).toBe('ed25519-1');
    }, nameless.jwks());
  });

  it('passes with any entry of its scheme', () =>
    withKeys(async (keys) => {
      const headers = signed();
      const stranger = signed(Signer.create()).signature;
      headers.signature = `v1,AAAA ${stranger} ${headers.signature}`;
      expect((await verify(keys, headers)).scheme).toBe('v1a');
    }));

  it('refuses another body, id, time or signer', () =>
    withKeys(async (keys) => {
      const cases = [
        () => verify(keys, signed(), Buffer.from([0x7b, 0xfe, 0x7d])),
        () => verify(keys, { ...signed(), id: 'msg_2' }),
        () => verify(keys, { ...signed(), timestamp: String(NOW + 1) }),
        () => verify(keys, signed(Signer.create())),
      ];
      for (const run of cases) expect(await faultOf(run)).toBe('signature-mismatch');
    }));

  it.each([-301, 301])(
    'refuses a time that differs by %d s, without reading keys',
    (off) =>
      withKeys(async (keys, server) => {
        const run = () => verify(keys, signed(), BODY, (NOW + off) * 1000);
        expect(await faultOf(run)).toBe('timestamp-stale');
        expect(server.requests).toEqual([]);
      }),
  );

  it('reads no keys for an entry that cannot be a signature', () =>
    withKeys(async (keys, server) => {
      for (const signature of ['v1a,AAAA', 'v1,AAAA', `v1a,${'A'.repeat(100)}`]) {
        const run = () => verify(keys, { ...signed(), signature });
        expect(await faultOf(run)).toBe('signature-mismatch');
      }
      expect(server.requests).toEqual([]);
    }));
});
