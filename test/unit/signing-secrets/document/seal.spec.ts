import { describe, expect, it } from '@jest/globals';
import {
  seal,
  SealError,
  sealKeyId,
  unseal,
} from '../../../../src/signing-secrets/document/seal.js';
import { newSecret } from '../../../support/issuing-gemini.js';
import { keyring } from '../vault-keys.js';

const SECRET = newSecret();
const KEYS = keyring('k2', 'k1');

const failure = (jwe: string, webhookId = 'w1', keys = KEYS): Promise<unknown> =>
  unseal(jwe, webhookId, keys).catch((error: unknown) => error);

describe('a sealed secret', () => {
  it('is sealed with the newest key, and unsealed while that key is known', async () => {
    const sealed = await seal(SECRET, 'w1', KEYS);
    expect(sealKeyId(sealed)).toBe('k2');
    expect(await unseal(sealed, 'w1', KEYS)).toBe(SECRET);
    const later = new Map([...keyring('k3'), ...KEYS]);
    expect(await unseal(sealed, 'w1', later)).toBe(SECRET);
  });

  it('does not contain the secret', async () => {
    const sealed = await seal(SECRET, 'w1', KEYS);
    const parts = sealed.split('.').map((part) => Buffer.from(part, 'base64url'));
    for (const text of [sealed, ...parts.map((part) => part.toString('latin1'))]) {
      expect(text).not.toContain(SECRET.slice('whsec_'.length, 20));
    }
  });

  it.each<[string, () => Promise<unknown>, RegExp]>([
    [
      'whose key is missing',
      async () => failure(await seal(SECRET, 'w1', keyring('k9'))),
      /sealed with the key k9, which VAULT_KEYS_FILE does not have: put that key back/,
    ],
    [
      'whose key is another one of the same name',
      async () => failure(await seal(SECRET, 'w1', keyring('k1'))),
      /does not open with the key k1.*Put the right key back/,
    ],
    [
      'of another webhook',
      async () => failure(await seal(SECRET, 'w2', KEYS)),
      /that of another webhook.*Restore it, or rotate the webhook with force/,
    ],
    ['that is no JWE', () => failure('whsec_'), /is not sealed.*Restore it/],
  ])('%s is refused with a remedy', async (_, unsealed, message) => {
    const error = (await unsealed()) as Error;
    expect(error).toBeInstanceOf(SealError);
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain(SECRET.slice(6));
  });
});
