import { createHash, createPublicKey, verify, type JsonWebKey } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { Webhook } from 'standardwebhooks';
import { GeminiEmulator } from '../src/emulator.js';
import { GoogleKeys, signV1 } from '../src/deliveries/signing.js';
import { submit } from './call.js';
import { startReceiver, type Received } from './receiver.js';

type KeySet = { keys: JsonWebKey[] };

async function published(emulator: GeminiEmulator): Promise<KeySet> {
  const response = await fetch(emulator.jwksUrl);
  return (await response.json()) as KeySet;
}

/** Indexes of the keys that verify a `v1a` entry. */
function matching({ keys }: KeySet, received: Received, signature: string): number[] {
  const signed = Buffer.from(`${received.id}.${received.timestamp}.${received.body}`);
  const bytes = Buffer.from(signature.replace('v1a,', ''), 'base64');
  return keys.flatMap((key, index) =>
    key.kty === 'OKP' &&
    verify(null, signed, createPublicKey({ key, format: 'jwk' }), bytes)
      ? [index]
      : [],
  );
}

async function delivered(emulator: GeminiEmulator): Promise<Received> {
  await using receiver = await startReceiver();
  const name = await submit(emulator, [receiver.url], { order: '7' });
  emulator.finishJob(name, 'succeeded');
  await emulator.drained();
  const [received] = receiver.requests;
  if (!received) throw new Error('nothing came');
  return received;
}

async function claimsOf(emulator: GeminiEmulator, received: Received) {
  const keySet = createRemoteJWKSet(new URL(emulator.jwksUrl));
  const { payload } = await jwtVerify(received.signature, keySet, {
    algorithms: ['RS256'],
  });
  return payload;
}

describe('static deliveries', () => {
  it('verify with standardwebhooks', async () => {
    await using emulator = await GeminiEmulator.start();
    await using receiver = await startReceiver();
    const { new_signing_secret: secret } = emulator.webhooks.create({
      uri: receiver.url,
      subscribed_events: ['batch.succeeded'],
    });
    emulator.finishJob(await submit(emulator), 'succeeded');
    await emulator.drained();
    const [received] = receiver.requests;
    const event = new Webhook(String(secret)).verify(
      received?.body ?? '',
      received?.headers ?? {},
    );
    expect(event).toMatchObject({ type: 'batch.succeeded', version: 'v1' });
    expect(received?.id).toMatch(/^msg_[0-9a-f-]{36}$/);
  });

  it('have a signature for each live secret after a rotation', async () => {
    await using emulator = await GeminiEmulator.start();
    await using receiver = await startReceiver();
    const { id, new_signing_secret: first } = emulator.webhooks.create({
      uri: receiver.url,
      subscribed_events: ['batch.failed'],
    });
    const signers = async (secrets: readonly unknown[]) => {
      emulator.ping(String(id));
      await emulator.drained();
      const received = receiver.requests.at(-1);
      const entries = received?.signature.split(' ') ?? [];
      const at = new Date(Number(received?.timestamp) * 1000);
      const expected = secrets.map((secret) =>
        new Webhook(String(secret)).sign(received?.id ?? '', at, received?.body ?? ''),
      );
      expect(entries).toEqual(expected);
    };
    await signers([first]);
    const { secret: second } = emulator.webhooks.rotate(String(id), undefined);
    await signers([second, first]);
    emulator.clock.advance(23 * 3600_000);
    await signers([second, first]);
    emulator.clock.advance(2 * 3600_000);
    await signers([second]);
    const at = 'revoke_previous_secrets_immediately';
    const { secret: third } = emulator.webhooks.rotate(String(id), at);
    await signers([third]);
  });
});

describe('dynamic deliveries as observed', () => {
  it('verify with one of three Ed25519 keys', async () => {
    await using emulator = await GeminiEmulator.start();
    const received = await delivered(emulator);
    const keySet = await published(emulator);
    expect(keySet.keys.map(({ kty, crv }) => `${kty} ${crv}`)).toEqual(
      Array.from({ length: 3 }, () => 'OKP Ed25519'),
    );
    expect(received.signature).toMatch(/^v1a,[A-Za-z0-9+/]{86}==$/);
    expect(matching(keySet, received, received.signature)).toHaveLength(1);
    const changed = { ...received, body: `${received.body} ` };
    expect(matching(keySet, changed, received.signature)).toEqual([]);
  });

  it('have keys without a kid with kid: false', async () => {
    await using emulator = await GeminiEmulator.start({ kid: false, dynamic: 'jwt' });
    const { keys } = await published(emulator);
    expect(keys.filter((key) => 'kid' in key)).toEqual([]);
    const received = await delivered(emulator);
    expect(decodeProtectedHeader(received.signature)).toEqual({
      alg: 'RS256',
      typ: 'JWT',
    });
  });

  it('verify only with the new keys after a rotation', async () => {
    await using emulator = await GeminiEmulator.start();
    const before = await published(emulator);
    emulator.keys.rotate();
    const received = await delivered(emulator);
    expect(matching(before, received, received.signature)).toEqual([]);
    const after = await published(emulator);
    expect(matching(after, received, received.signature)).toHaveLength(1);
  });
});

describe('dynamic deliveries as documented', () => {
  it('have a token that holds the event', async () => {
    await using emulator = await GeminiEmulator.start({ dynamic: 'jwt' });
    const received = await delivered(emulator);
    const claims = await claimsOf(emulator, received);
    expect(claims).toMatchObject({
      ...received.event,
      iss: 'https://generativelanguage.googleapis.com',
      jti: received.id,
      iat: Number(received.timestamp),
      exp: Number(received.timestamp) + 300,
    });
    expect(String(claims.aud)).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/hook$/);
    expect(claims).not.toHaveProperty('sub');
  });

  it('have the claims of the options', async () => {
    await using emulator = await GeminiEmulator.start({
      dynamic: 'jwt',
      userMetadata: 'claims',
      jwt: {
        issuer: '',
        audience: 'project',
        subject: 'me',
        lifetimeSeconds: 0,
        jti: 'none',
        eventInClaims: false,
        bodyHash: true,
        bodyHashClaim: 'sha',
      },
    });
    const received = await delivered(emulator);
    const hash = createHash('sha256').update(received.body).digest('hex');
    expect(await claimsOf(emulator, received)).toEqual({
      aud: 'project',
      sub: 'me',
      iat: Number(received.timestamp),
      sha: hash,
      user_metadata: { order: '7' },
    });
    expect(received.event.data).not.toHaveProperty('user_metadata');
  });

  it('have the event in one claim with jwt.eventClaim', async () => {
    const jwt = { eventClaim: 'event' };
    await using emulator = await GeminiEmulator.start({ dynamic: 'jwt', jwt });
    const received = await delivered(emulator);
    const claims = await claimsOf(emulator, received);
    expect(claims['event']).toEqual(received.event);
    expect(claims).not.toHaveProperty('type');
  });

  it('have both signatures with dynamic: both', async () => {
    await using emulator = await GeminiEmulator.start({ dynamic: 'both' });
    const received = await delivered(emulator);
    const [v1a = '', token = ''] = received.signature.split(' ');
    expect(matching(await published(emulator), received, v1a)).toHaveLength(1);
    const claims = await claimsOf(emulator, { ...received, signature: token });
    expect(claims.jti).toBe(received.id);
  });
});

describe('signing without an emulator', () => {
  it('makes Standard Webhooks entries', () => {
    const secrets = [Buffer.alloc(32, 'a'), Buffer.alloc(32, 'b')].map(
      (key) => `whsec_${key.toString('base64')}`,
    );
    const seconds = Math.floor(Date.now() / 1000);
    const signature = signV1(secrets, 'msg_1', seconds, '{}');
    expect(signature.split(' ')).toHaveLength(2);
    const headers = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(seconds),
      'webhook-signature': signature,
    };
    for (const secret of secrets) {
      expect(new Webhook(secret).verify('{}', headers)).toEqual({});
    }
  });

  it('makes tokens that a receiver must refuse', async () => {
    const keys = GoogleKeys.create();
    const token = await keys.signJwt(
      { sub: 'x' },
      { header: { alg: 'HS256', kid: '' }, key: Buffer.alloc(32) },
    );
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'HS256', typ: 'JWT', kid: '' });
  });

  it('keeps the given number of old keys', () => {
    const keys = GoogleKeys.create();
    const kids = () => keys.jwks().keys.map(({ kid }) => kid);
    const [newest] = kids();
    keys.rotate(1);
    expect(kids()).toHaveLength(6);
    expect(kids()).toContain(newest);
    keys.rotate();
    expect(kids()).not.toContain(newest);
  });
});
