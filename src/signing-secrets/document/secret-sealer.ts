import {
  newest,
  parseKeyring,
  type Keyring,
} from '../../infrastructure/files/keyring.js';
import { WatchedFile } from '../../infrastructure/files/watched-file.js';
import type { SealedSecret } from '../secrets-document.js';
import { parseSecret } from '../webhook-secret.js';
import { seal, sealKeyId, unseal } from './seal.js';

const NO_KEYS: Keyring = new Map();

/** Seals secrets under the newest key of `VAULT_KEYS_FILE`. */
export class SecretSealer {
  private readonly keyFile: WatchedFile<Keyring> | undefined;

  /** @param keysFile undefined without `VAULT_KEYS_FILE`: then there are no keys. */
  constructor(keysFile: string | undefined) {
    this.keyFile =
      keysFile === undefined
        ? undefined
        : new WatchedFile('VAULT_KEYS_FILE', keysFile, parseKeyring);
  }

  /** The current keys; another object after the file changed. */
  get keys(): Keyring {
    return this.keyFile?.value ?? NO_KEYS;
  }

  /** @throws {Error} for text that is not a webhook secret; the message does not contain it. */
  async seal(secret: string, webhookId: string, issuedAt: number): Promise<SealedSecret> {
    const { keyId } = parseSecret(secret);
    return { keyId, sealed: await seal(secret, webhookId, this.keys), issuedAt };
  }

  /**
   * @returns the secret sealed under the newest key; the same object if it is already.
   * @throws {SealError} when it cannot be unsealed.
   */
  async reseal(webhookId: string, secret: SealedSecret): Promise<SealedSecret> {
    const { keys } = this;
    const [kid] = newest(keys);
    if (sealKeyId(secret.sealed) === kid) return secret;
    const text = await unseal(secret.sealed, webhookId, keys);
    return { ...secret, sealed: await seal(text, webhookId, keys) };
  }

  close(): void {
    this.keyFile?.close();
  }
}
