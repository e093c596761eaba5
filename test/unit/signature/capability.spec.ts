import { describe, expect, it } from '@jest/globals';
import { base64url, decodeJwt, SignJWT } from 'jose';
import { parseKeyring } from '../../../src/infrastructure/files/keyring.js';
import { issueCapability, verifyCapability } from '../../../src/signature/capability.js';
import { faultOf } from '../../support/faults.js';

const line = (kid: string, fill: string) =>
  `${kid}:${Buffer.alloc(32, fill).toString('base64url')}`;
const KEYS = parseKeyring(line('k1', 'a'));
const JOB = { jobId: 'job-1', correlationId: 'order-42' };

describe('a capability', () => {
  it('has the job and its correlation, in characters that a path allows', async () => {
    const token = await issueCapability(JOB, KEYS);
    expect(token).toMatch(/^[A-Za-z0-9._-]{1,2048}$/);
    expect(await verifyCapability(token, KEYS)).toEqual(JOB);
  });

  it('does not expire', async () => {
    const token = await issueCapability(JOB, KEYS);
    expect(decodeJwt(token)).not.toHaveProperty('exp');
  });

  it('is valid while its key is in the file', async () => {
    const token = await issueCapability(JOB, KEYS);
    const both = parseKeyring(`${line('k2', 'b')}\n${line('k1', 'a')}`);
    expect(await verifyCapability(token, both)).toEqual(JOB);
    const newest = await issueCapability(JOB, both);
    expect(await faultOf(() => verifyCapability(newest, KEYS))).toBe(
      'capability-invalid',
    );
    const later = parseKeyring(line('k2', 'b'));
    expect(await verifyCapability(newest, later)).toEqual(JOB);
    expect(await faultOf(() => verifyCapability(token, later))).toBe(
      'capability-invalid',
    );
  });

  it('is refused if another key signed it, or a claim is missing', async () => {
    const token = await issueCapability(JOB, KEYS);
    const [header, , mac] = token.split('.');
    const key = KEYS.get('k1')!;
    const claims = { cid: 'c', iss: 'gemini-kafka-bridge', sub: 'j' };
    const sign = (payload: object, head: object = { kid: 'k1' }, by = key) =>
      new SignJWT({ ...payload }).setProtectedHeader({ alg: 'HS256', ...head }).sign(by);
    const none = base64url.encode('{"alg":"none","kid":"k1"}');
    const body = base64url.encode(JSON.stringify(claims));
    const foreign = [
      '',
      'x',
      'a.b.c',
      `${token}x`,
      token.slice(0, -2),
      `${header}.${body}.${mac}`,
      `${none}.${body}.`,
      `${none}.${body}.${mac}`,
      await sign(claims, { kid: 'k2' }),
      await sign(claims, { kid: undefined }),
      await sign(claims, { alg: 'HS512' }, Buffer.alloc(64, 'a')),
      await sign(claims, {}, Buffer.alloc(32, 'z')),
      await sign({ ...claims, iss: 'other' }),
      await sign({ ...claims, iss: undefined }),
      await sign({ ...claims, sub: undefined }),
      await sign({ ...claims, cid: undefined }),
      await sign({ ...claims, exp: 1 }),
      await sign({ ...claims, padding: 'x'.repeat(2048) }),
    ];
    for (const other of foreign) {
      expect(await faultOf(() => verifyCapability(other, KEYS))).toBe(
        'capability-invalid',
      );
    }
    expect(await verifyCapability(await sign(claims), KEYS)).toMatchObject({
      jobId: 'j',
    });
  });

  it('is refused without keys', async () => {
    const token = await issueCapability(JOB, KEYS);
    expect(await faultOf(() => verifyCapability(token, new Map()))).toBe(
      'capability-invalid',
    );
  });
});

describe('parseKeyring', () => {
  it('reads one key a line, newest first, without comments', () => {
    const keys = parseKeyring(`# new\n${line('k2', 'b')}\n\n ${line('k1', 'a')} \n`);
    expect(Array.from(keys.keys())).toEqual(['k2', 'k1']);
    expect(keys.get('k1')).toEqual(Buffer.alloc(32, 'a'));
  });

  it.each([
    '',
    '# none',
    'k1',
    'k1:',
    `k1:${Buffer.alloc(31).toString('base64url')}`,
    `k1:${Buffer.alloc(33).toString('base64url')}`,
    `k1:${Buffer.alloc(32, 0xff).toString('base64')}`,
    `k 1:${Buffer.alloc(32).toString('base64url')}`,
    `:${Buffer.alloc(32).toString('base64url')}`,
    `${line('k1', 'a')}\n${line('k1', 'b')}`,
    `${line('k1', 'a')}\njunk`,
  ])('refuses %j and does not repeat a key', (text) => {
    let message = '';
    try {
      parseKeyring(text);
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toMatch(/key/);
    for (const part of text.split(/[\n:]/)) {
      if (part.length > 30) expect(message).not.toContain(part);
    }
  });
});
