import type { Keyring } from '../infrastructure/files/keyring.js';
import { unseal } from './document/seal.js';
import type { SecretsDocument, SealedSecret } from './secrets-document.js';
import { parseSecret, type WebhookSecret } from './webhook-secret.js';

/** A stored secret, ready to verify with. */
export interface UnsealedSecret extends WebhookSecret {
  readonly webhookId: string;
  /** Unix ms; Infinity while no end is known. */
  readonly expiresAt: number;
  /** The last four characters, which Gemini shows. */
  readonly tail: string;
}

type Unsealed = WebhookSecret & Pick<UnsealedSecret, 'tail'>;

const TAIL_LENGTH = 4;

/** The unsealed secrets of a document. It unseals each secret once, until the keyring changes. */
export class UnsealedSecrets {
  secrets: readonly UnsealedSecret[] = [];
  /** One message for each secret that cannot be unsealed, with the remedy. */
  faults: readonly string[] = [];
  private keys: Keyring | undefined;
  /**
   * By webhook and key id. A secret that was unsealed once stays usable if it is then resealed
   * with a key that this process does not have yet.
   */
  private byKeyId = new Map<string, Unsealed>();
  /** By webhook and sealed text. */
  private bySeal = new Map<string, Unsealed>();

  isUnsealedWith(keys: Keyring): boolean {
    return this.keys === keys;
  }

  /** Replaces `secrets` and `faults` by those of the document. */
  async unsealAll(document: SecretsDocument, keys: Keyring): Promise<void> {
    const reusable = this.isUnsealedWith(keys)
      ? this.bySeal
      : new Map<string, Unsealed>();
    const [byKeyId, bySeal] = [new Map<string, Unsealed>(), new Map<string, Unsealed>()];
    const secrets: UnsealedSecret[] = [];
    const faults: string[] = [];
    for (const [webhookId, entry] of Object.entries(document.webhooks)) {
      for (const secret of entry.secrets) {
        const { keyId, sealed, expiresAt = Infinity } = secret;
        const seal = `${webhookId} ${sealed}`;
        const id = `${webhookId} ${keyId}`;
        let unsealed = reusable.get(seal);
        try {
          unsealed ??= await unsealSecret(webhookId, secret, keys);
          bySeal.set(seal, unsealed);
        } catch (error) {
          const { message = String(error) } = error as Partial<Error>;
          faults.push(`secret ${keyId} of webhook ${webhookId} ${message}`);
          unsealed = this.byKeyId.get(id);
        }
        if (!unsealed) continue;
        byKeyId.set(id, unsealed);
        secrets.push({ ...unsealed, webhookId, expiresAt });
      }
    }
    [this.keys, this.byKeyId, this.bySeal] = [keys, byKeyId, bySeal];
    [this.secrets, this.faults] = [secrets, faults];
  }
}

/** @throws {SealError} */
async function unsealSecret(
  webhookId: string,
  { sealed }: SealedSecret,
  keys: Keyring,
): Promise<Unsealed> {
  const text = await unseal(sealed, webhookId, keys);
  return { ...parseSecret(text), tail: text.slice(-TAIL_LENGTH) };
}
