import { describe, expect, it } from '@jest/globals';
import { overlappingSecrets } from '../../../src/signing-secrets/overlapping-secrets.js';

const NOW = 1_000_000;
const NEWEST = { keyId: 'newest', sealed: '', issuedAt: NOW, usedAt: NOW };
const old = (keyId: string, rest: object) => ({
  keyId,
  sealed: '',
  issuedAt: 0,
  ...rest,
});

describe('the overlapping secrets of a webhook', () => {
  it('are none if the webhook has one secret', () => {
    const uses = new Map([['newest', NOW]]);
    expect(overlappingSecrets([NEWEST], uses, NOW)).toEqual({});
  });

  it('have the earliest end and the latest use of those that are valid', () => {
    const secrets = [
      NEWEST,
      old('a', { expiresAt: NOW + 9000, usedAt: NOW - 70 }),
      old('b', { expiresAt: NOW + 5000, usedAt: NOW - 90 }),
      old('c', { expiresAt: NOW - 1, usedAt: NOW - 1 }),
    ];
    const used = { endsAt: NOW + 5000, usedAt: NOW - 70 };
    expect(overlappingSecrets(secrets, new Map(), NOW)).toEqual(used);
    const uses = new Map([
      ['b', NOW - 10],
      ['newest', NOW],
    ]);
    expect(overlappingSecrets(secrets, uses, NOW)).toEqual({ ...used, usedAt: NOW - 10 });
  });
});
