import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '../config.js';
import { SecretVault } from '../vault/secret-vault.js';
import {
  withoutWebhook,
  type Attempts,
  type VaultDocument,
} from '../vault/vault-document.js';
import type { GeminiWebhook } from './gemini-webhook.js';
import { GeminiWebhooks } from './gemini-webhooks.js';
import { mayTry, triedAt, wellAt, type Patience } from './patience.js';
import { SecretIssuer } from './secret.issuer.js';
import {
  DISABLED_BY_GEMINI,
  ENABLED,
  markedName,
  placeTaken,
  type Declared,
  type Standing,
} from './webhook-drift.js';
import { LATE_DELIVERIES_MS } from './webhook.service.js';

const HOUR_MS = 3_600_000;
/** `whsec_...` and the last four characters: any other form says nothing. */
const TRUNCATED = /^whsec_\.{3}[A-Za-z0-9+/=]{4}$/;

/** Where attempts stand in the vault, by the webhook's id. */
type Ledger = 'revivals' | 'relearnings';

/** Makes a declared webhook what it was declared to be, as far as may be. */
@Injectable()
export class WebhookMender {
  private readonly logger = new Logger(WebhookMender.name);
  private readonly patience: Readonly<Record<Ledger, Patience>>;

  constructor(
    private readonly webhooks: GeminiWebhooks,
    private readonly issuer: SecretIssuer,
    private readonly vault: SecretVault,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    const { reviveMax, intervalMs: firstMs } = config.webhooks;
    this.patience = {
      revivals: { max: reviveMax, firstMs, capMs: 6 * HOUR_MS },
      // Each leaves Gemini another secret for a day
      relearnings: { max: Infinity, firstMs, capMs: 24 * HOUR_MS },
    };
  }

  /** Whether the vault can verify what the webhook's newest secret signs, as far as Gemini says which that is. */
  isHeld({ id, secrets }: GeminiWebhook): boolean {
    const held = this.vault.live(Date.now()).filter(({ webhookId }) => webhookId === id);
    const newest = secrets.find(({ expiresAt }) => expiresAt === undefined)?.truncated;
    if (newest === undefined || !TRUNCATED.test(newest)) return held.length > 0;
    return held.some(({ tail }) => newest.endsWith(tail));
  }

  /** @returns false where not all may be done. */
  async mend(
    declared: Declared,
    { webhook, spare, changes }: Standing,
    all: readonly GeminiWebhook[],
  ): Promise<boolean> {
    if (!webhook) return this.create(declared, all);
    for (const { id } of spare) await this.remove(id);
    if (Object.keys(changes).length > 0) await this.webhooks.update(webhook.id, changes);
    const isSecretMended = this.isHeld(webhook) || (await this.relearn(webhook));
    const isStateMended = webhook.state === ENABLED || (await this.revive(webhook));
    return isSecretMended && isStateMended;
  }

  /** Notes which of these need no patience any more. */
  async noteWell(all: readonly GeminiWebhook[]): Promise<void> {
    const now = Date.now();
    await this.vault.change((vault) => {
      let next = vault;
      for (const webhook of all) {
        if (webhook.state === ENABLED) next = well(next, 'revivals', webhook.id, now);
        if (this.isHeld(webhook)) next = well(next, 'relearnings', webhook.id, now);
      }
      return next;
    });
  }

  private async create(
    declared: Declared,
    all: readonly GeminiWebhook[],
  ): Promise<boolean> {
    if (placeTaken(declared, all)) return false;
    const name = markedName(declared, this.config.webhooks.owner);
    const { uri, events: subscribedEvents } = declared;
    await this.issuer.create({ name, uri, subscribedEvents }, all);
    return true;
  }

  private async remove(id: string): Promise<void> {
    await this.webhooks.delete(id);
    const until = Date.now() + LATE_DELIVERIES_MS;
    await this.vault.change((vault) => withoutWebhook(vault, id, until));
  }

  /** A secret that was issued behind our back is known to nobody here: only another one helps. */
  private async relearn({ id }: GeminiWebhook): Promise<boolean> {
    // What is sealed with a key that is missing may be opened again
    if (this.vault.troubles.length > 0 || !this.may('relearnings', id)) return false;
    await this.note('relearnings', id);
    await this.issuer.rotate(id, false);
    return true;
  }

  /** What somebody has disabled is enabled at once, what Gemini has a few times, ever more rarely. */
  private async revive({ id, state }: GeminiWebhook): Promise<boolean> {
    const isGeminis = state === DISABLED_BY_GEMINI;
    if (isGeminis && !this.may('revivals', id)) return false;
    await this.vault.change((vault) => ({ ...vault, lookDue: true }));
    await this.webhooks.update(id, { state: ENABLED });
    if (isGeminis) await this.note('revivals', id);
    this.logger.warn({ message: 'webhook enabled again', webhookId: id, state });
    return true;
  }

  private may(ledger: Ledger, id: string): boolean {
    return mayTry(this.vault.value[ledger][id], this.patience[ledger], Date.now());
  }

  private async note(ledger: Ledger, id: string): Promise<void> {
    const now = Date.now();
    await this.vault.change((vault) =>
      noted(vault, ledger, id, triedAt(vault[ledger][id], now)),
    );
  }
}

function well(
  vault: VaultDocument,
  ledger: Ledger,
  id: string,
  now: number,
): VaultDocument {
  const done = vault[ledger][id];
  return done ? noted(vault, ledger, id, wellAt(done, now)) : vault;
}

function noted(
  vault: VaultDocument,
  ledger: Ledger,
  id: string,
  attempts: Attempts | undefined,
): VaultDocument {
  const { [id]: _, ...others } = vault[ledger];
  return { ...vault, [ledger]: attempts ? { ...others, [id]: attempts } : others };
}
