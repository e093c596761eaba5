import { createHmac, randomBytes, randomInt } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { verifyHmac } from '../../../../src/signature/schemes/hmac-signature.js';
import { parseSecret } from '../../../../src/signing-secrets/webhook-secret.js';
import { faultOf } from '../../../support/faults.js';

const NOW_MS = 1_700_000_000_000;
const NOW = '1700000000';
const SECRET = `whsec_${Buffer.alloc(32, 'a').toString('base64')}`;
const OLD_SECRET = `whsec_${Buffer.alloc(24, 'b').toString('base64')}`;
const BODY = Buffer.from('{"type":"ping"}');

const signed = (secret: string, body = BODY, id = 'msg_1', timestamp = NOW) => ({
  id,
  timestamp,
  signature: new Webhook(secret).sign(
    id,
    new Date(Number(timestamp) * 1000),
    String(body),
  ),
});

const secrets = (...texts: string[]) => texts.map(parseSecret);

/** True when the reference library accepts the delivery. */
function isAccepted({ id, timestamp, signature }: ReturnType<typeof signed>): boolean {
  try {
    new Webhook(SECRET).verify(String(BODY), {
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': signature,
    });
    return true;
  } catch {
    return false;
  }
}

describe('verifyHmac', () => {
  it('returns the proof of a delivery', () => {
    const headers = signed(SECRET);
    const proof = verifyHmac(BODY, headers, secrets(SECRET), NOW_MS);
    expect(proof).toEqual({
      scheme: 'v1',
      ...headers,
      body: BODY,
      bodyBound: true,
      keyId: expect.stringMatching(/^[0-9a-f]{8}$/),
    });
    expect(proof.body).toBe(BODY);
  });

  it.each([
    ['an entry of an unknown form before it', (right: string) => `v9:abc ${right}`],
    ['an unknown scheme after it', (right: string) => `${right} v3,QUJD`],
    ['two blanks', (right: string) => `v1,QUJD  ${right}`],
    ['a comma and a blank', (right: string) => `${right}, v1,QUJD`],
    ['blanks around it', (right: string) => ` ${right} `],
    ['a third member', (right: string) => `${right},more`],
    ['itself, joined', (right: string) => `${right}, ${right}`],
    ['only another case of its version', (right: string) => right.replace('v1', 'V1')],
    ['no blank between two', (right: string) => `v1,QUJD,${right}`],
    ['a blank in it', (right: string) => right.replace(',', ', ')],
  ])('agrees with the reference library on a right signature with %s', async (_, odd) => {
    const nowMs = Date.now(); // the library has no other clock
    const headers = signed(SECRET, BODY, 'msg_1', String(Math.floor(nowMs / 1000)));
    const signature = odd(headers.signature);
    const ours = await faultOf(() =>
      verifyHmac(BODY, { ...headers, signature }, secrets(SECRET), nowMs),
    );
    expect(ours === undefined).toBe(isAccepted({ ...headers, signature }));
  });

  it('accepts what the standardwebhooks package signs, and refuses any change of it', async () => {
    for (let i = 0; i < 200; i++) {
      const secret = `whsec_${randomBytes(randomInt(24, 65)).toString('base64')}`;
      const id = `msg_${randomBytes(randomInt(1, 60)).toString('base64url')}`;
      const body = Buffer.from(randomBytes(randomInt(0, 400)).toString('utf8'));
      const headers = signed(
        secret,
        body,
        id,
        String(randomInt(1_699_999_701, 1_700_000_300)),
      );
      const verify = (bytes: Buffer, overrides = {}) =>
        verifyHmac(bytes, { ...headers, ...overrides }, secrets(secret), NOW_MS);

      expect(verify(body).id).toBe(id);
      const changed = Buffer.concat([body, Buffer.from([randomInt(256)])]);
      expect(await faultOf(() => verify(changed))).toBe('signature-mismatch');
      expect(await faultOf(() => verify(body, { id: `${id}x` }))).toBe(
        'signature-mismatch',
      );
    }
  });

  it('accepts the same signature as the package', () => {
    const seconds = Math.floor(Date.now() / 1000);
    const key = parseSecret(SECRET).key;
    const mac = createHmac('sha256', key).update(`msg_1.${seconds}.`).update(BODY);
    const signature = `v1,${mac.digest('base64')}`;
    const headers = { id: 'msg_1', timestamp: String(seconds), signature };
    const referee = {
      'webhook-id': headers.id,
      'webhook-timestamp': headers.timestamp,
      'webhook-signature': signature,
    };
    expect(new Webhook(SECRET).verify(BODY, referee)).toEqual({ type: 'ping' });
    expect(verifyHmac(BODY, headers, secrets(SECRET), seconds * 1000).scheme).toBe('v1');
  });

  it('passes with any of the secrets and any entry, and names the key that matched', () => {
    const [newest, old] = secrets(SECRET, OLD_SECRET);
    const both = { ...signed(SECRET), signature: '' };
    both.signature = `v1,AAAA v1a,BBBB ${signed(OLD_SECRET).signature}`;
    const proof = verifyHmac(BODY, both, [newest!, old!], NOW_MS);
    expect(proof.keyId).toBe(old!.keyId);
    expect(verifyHmac(BODY, signed(SECRET), [old!, newest!], NOW_MS).keyId).toBe(
      newest!.keyId,
    );
  });

  it('refuses a signature of a secret that is not given', async () => {
    const headers = signed(OLD_SECRET);
    const verify = () => verifyHmac(BODY, headers, secrets(SECRET), NOW_MS);
    expect(await faultOf(verify)).toBe('signature-mismatch');
  });

  it('refuses every signature without a secret', async () => {
    expect(await faultOf(() => verifyHmac(BODY, signed(SECRET), [], NOW_MS))).toBe(
      'signature-mismatch',
    );
  });

  it.each([-301, 301])(
    'refuses a right signature whose time differs by %d s',
    async (off) => {
      const verify = () =>
        verifyHmac(BODY, signed(SECRET), secrets(SECRET), NOW_MS + off * 1000);
      expect(await faultOf(verify)).toBe('timestamp-stale');
    },
  );

  it('compares bytes even if they are not UTF-8, which the package does not', async () => {
    const [one, other] = [
      Buffer.from([0x22, 0xff, 0x22]),
      Buffer.from([0x22, 0xfe, 0x22]),
    ];
    const { key } = parseSecret(SECRET);
    const mac = createHmac('sha256', key).update(`msg_1.${NOW}.`).update(one);
    const headers = {
      id: 'msg_1',
      timestamp: NOW,
      signature: `v1,${mac.digest('base64')}`,
    };
    const verify = (body: Buffer) => verifyHmac(body, headers, secrets(SECRET), NOW_MS);

    expect(verify(one).body).toBe(one);
    expect(await faultOf(() => verify(other))).toBe('signature-mismatch');
    const decoded = Buffer.from(one.toString('utf8'));
    expect(await faultOf(() => verify(decoded))).toBe('signature-mismatch');
    const lenient = verifyHmac(decoded, signed(SECRET, one), secrets(SECRET), NOW_MS);
    expect(lenient.scheme).toBe('v1'); // the package signs the replacement characters
  });

  it('refuses a truncated and an extended signature', async () => {
    const headers = signed(SECRET);
    const mac = headers.signature.slice(3);
    for (const given of [mac.slice(0, 20), `${mac.slice(0, 43)}AAAA`, 'AAAA']) {
      const verify = () =>
        verifyHmac(
          BODY,
          { ...headers, signature: `v1,${given}` },
          secrets(SECRET),
          NOW_MS,
        );
      expect(await faultOf(verify)).toBe('signature-mismatch');
    }
  });

  it('refuses an entry of the asymmetric scheme', async () => {
    const headers = signed(SECRET);
    headers.signature = headers.signature.replace('v1,', 'v1a,');
    const verify = () => verifyHmac(BODY, headers, secrets(SECRET), NOW_MS);
    expect(await faultOf(verify)).toBe('signature-mismatch');
  });
});

describe('parseSecret', () => {
  it('names the key by the start of its hash', () => {
    const { key, keyId } = parseSecret(SECRET);
    expect(key).toEqual(Buffer.alloc(32, 'a'));
    expect(keyId).not.toBe(parseSecret(OLD_SECRET).keyId);
  });

  it.each([
    '',
    'whsec_',
    `whsec_${'A'.repeat(30)}`,
    `whsec_${Buffer.alloc(23).toString('base64')}`,
    Buffer.alloc(32).toString('base64'),
    `WHSEC_${Buffer.alloc(32).toString('base64')}`,
    `whsec_${Buffer.alloc(32, 0xff).toString('base64url')}`,
    `whsec_${Buffer.alloc(32).toString('base64')}\n`,
    ` whsec_${Buffer.alloc(32).toString('base64')}`,
    'whsk_AAAA',
  ])('refuses %j and does not repeat it', (text) => {
    let message = '';
    try {
      parseSecret(text);
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toMatch(/webhook secret/);
    if (text.length > 10) expect(message).not.toContain(text.slice(6));
  });
});
