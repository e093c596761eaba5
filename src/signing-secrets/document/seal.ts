import { CompactEncrypt, compactDecrypt, decodeProtectedHeader } from 'jose';
import { newest, type Keyring } from '../../infrastructure/files/keyring.js';

/** A sealed secret cannot be unsealed. The message names the cause and the remedy, not the secret. */
export class SealError extends Error {
  override readonly name = 'SealError';
}

/**
 * Seals a signing secret with AES-256-GCM under the newest key.
 *
 * The webhook's id is sealed with it: a sealed secret that was moved to another webhook is not
 * accepted there.
 *
 * @returns a compact JWE.
 */
export async function seal(
  secret: string,
  webhookId: string,
  keys: Keyring,
): Promise<string> {
  const [kid, key] = newest(keys);
  const text = JSON.stringify({ webhookId, secret });
  return new CompactEncrypt(new TextEncoder().encode(text))
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid })
    .encrypt(key);
}

/** @throws {SealError} when the key is missing or another one, or the content was changed. */
export async function unseal(
  jwe: string,
  webhookId: string,
  keys: Keyring,
): Promise<string> {
  const kid = sealKeyId(jwe);
  const key = keys.get(kid);
  if (!key) {
    throw new SealError(
      `is sealed with the key ${kid}, which VAULT_KEYS_FILE does not have: put that key back behind the newest, or rotate the webhook with force`,
    );
  }
  const text = await decrypt(jwe, key, kid);
  const content = JSON.parse(text) as { webhookId?: unknown; secret?: unknown };
  if (content.webhookId !== webhookId || typeof content.secret !== 'string') {
    throw new SealError(
      'is that of another webhook: the vault was changed by hand. Restore it, or rotate the webhook with force',
    );
  }
  return content.secret;
}

/** The `kid` of the key that sealed it. @throws {SealError} for text that is not a JWE. */
export function sealKeyId(jwe: string): string {
  try {
    return String(decodeProtectedHeader(jwe).kid);
  } catch (cause) {
    throw new SealError(
      'is not sealed: the vault was changed by hand. Restore it, or rotate the webhook with force',
      { cause },
    );
  }
}

async function decrypt(jwe: string, key: Uint8Array, kid: string): Promise<string> {
  try {
    const { plaintext } = await compactDecrypt(jwe, key, {
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: ['A256GCM'],
    });
    return new TextDecoder().decode(plaintext);
  } catch (cause) {
    throw new SealError(
      `does not open with the key ${kid} of VAULT_KEYS_FILE: it was another key of that name, or the vault was changed. Put the right key back, or rotate the webhook with force`,
      { cause },
    );
  }
}
