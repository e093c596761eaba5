import type { Keyring } from '../infrastructure/files/keyring.js';
import { unseal } from './document/seal.js';
import type { SecretsDocument, SealedSecret } from './secrets-document.js';
import { parseSecret, type WebhookSecret } from './webhook-secret.js';

/** A secret of the vault, ready to verify with. */
export interface UnsealedSecret extends WebhookSecret {
  readonly webhookId: string;
  /** Unix ms. */
  readonly expiresAt: number;
  /** Its last four characters, as Gemini shows them ever after. */
  readonly tail: string;
}

type Opened = WebhookSecret & Pick<UnsealedSecret, 'tail'>;

const TAIL_LENGTH = 4;

/** The secrets of a vault, opened: each once, as long as its key stays the same. */
export class UnsealedSecrets {
  secrets: readonly UnsealedSecret[] = [];
  /** Which of them cannot be opened, and what to do. */
  faults: readonly string[] = [];
  private keys: Keyring | undefined;
  /** By webhook and key id: what has been open stays so, though it was sealed anew with a key that is not here yet. */
  private known = new Map<string, Opened>();
  /** By webhook and what is sealed. */
  private bySeal = new Map<string, Opened>();

  /** Whether it was these that opened them. */
  isOpenedWith(keys: Keyring): boolean {
    return this.keys === keys;
  }

  async open(document: SecretsDocument, keys: Keyring): Promise<void> {
    const reusable = this.isOpenedWith(keys) ? this.bySeal : new Map<string, Opened>();
    const [known, bySeal] = [new Map<string, Opened>(), new Map<string, Opened>()];
    const secrets: UnsealedSecret[] = [];
    const faults: string[] = [];
    for (const [webhookId, entry] of Object.entries(document.webhooks)) {
      for (const secret of entry.secrets) {
        const { keyId, sealed, expiresAt = Infinity } = secret;
        const seal = `${webhookId} ${sealed}`;
        const id = `${webhookId} ${keyId}`;
        let open = reusable.get(seal);
        try {
          open ??= await openedSecret(webhookId, secret, keys);
          bySeal.set(seal, open);
        } catch (error) {
          const { message = String(error) } = error as Partial<Error>;
          faults.push(`secret ${keyId} of webhook ${webhookId} ${message}`);
          open = this.known.get(id);
        }
        if (!open) continue;
        known.set(id, open);
        secrets.push({ ...open, webhookId, expiresAt });
      }
    }
    [this.keys, this.known, this.bySeal] = [keys, known, bySeal];
    [this.secrets, this.faults] = [secrets, faults];
  }
}

/** @throws {SealError} */
async function openedSecret(
  webhookId: string,
  { sealed }: SealedSecret,
  keys: Keyring,
): Promise<Opened> {
  const text = await unseal(sealed, webhookId, keys);
  return { ...parseSecret(text), tail: text.slice(-TAIL_LENGTH) };
}
