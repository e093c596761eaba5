import { CompactEncrypt, compactDecrypt, decodeProtectedHeader } from 'jose';
import { newest, type Keyring } from '../../infrastructure/files/keyring.js';

/** A sealed secret cannot be opened: the message says what to do. */
export class SealError extends Error {
  override readonly name = 'SealError';
}

/**
 * Seals a signing secret: AES-256-GCM under the newest key. What it belongs to is sealed with
 * it, so that a sealed secret put in another's place is no use.
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

/** @throws {SealError} */
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
  const text = await decrypted(jwe, key, kid);
  const content = JSON.parse(text) as { webhookId?: unknown; secret?: unknown };
  if (content.webhookId !== webhookId || typeof content.secret !== 'string') {
    throw new SealError('is that of another webhook: somebody has changed the vault');
  }
  return content.secret;
}

/** The `kid` that it was sealed with. @throws {SealError} */
export function sealKeyId(jwe: string): string {
  try {
    return String(decodeProtectedHeader(jwe).kid);
  } catch (cause) {
    throw new SealError('is not sealed: somebody has changed the vault', { cause });
  }
}

async function decrypted(jwe: string, key: Uint8Array, kid: string): Promise<string> {
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
