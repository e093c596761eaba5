import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '../../config/config.js';
import { isRefused } from '../../gemini/gemini.error.js';
import { ProblemException } from '../../internal-api/problems/problem.exception.js';
import { SigningSecrets } from '../../signing-secrets/signing-secrets.js';
import {
  withGone,
  type TryCount,
  type SecretsDocument,
} from '../../signing-secrets/secrets-document.js';
import type { GeminiWebhook, WebhookFields } from '../gemini/gemini-webhook.js';
import { GeminiWebhooks } from '../gemini/gemini-webhooks.client.js';
import { mayRetry, recordTry, recordHealthy, type RetryPolicy } from './retry-policy.js';
import { SecretRotator } from '../rotation/secret.rotator.js';
import {
  DISABLED_BY_GEMINI,
  ENABLED,
  markedName,
  placeTaken,
  type DeclaredWebhook,
  type WebhookStatus,
} from './webhook-drift.js';

const HOUR_MS = 3_600_000;
/** `whsec_...` and the last four characters: any other form says nothing. */
const TRUNCATED = /^whsec_\.{3}[A-Za-z0-9+/=]{4}$/;

/** Where attempts stand in the vault, by the webhook's id or its uri. */
type Ledger = 'revivals' | 'relearnings' | 'creationTries';

/** Makes a declared webhook what it was declared to be, as far as may be. */
@Injectable()
export class WebhookRepair {
  private readonly logger = new Logger(WebhookRepair.name);
  private readonly patience: Readonly<Record<Ledger, RetryPolicy>>;
  /** False for an operator who asks by hand: the cause is gone, or one more try is wanted. */
  isPatient = true;

  constructor(
    private readonly webhooks: GeminiWebhooks,
    private readonly issuer: SecretRotator,
    private readonly vault: SigningSecrets,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    const { reviveMax, intervalMs: firstMs } = config.webhooks;
    this.patience = {
      revivals: { max: reviveMax, firstMs, capMs: 6 * HOUR_MS },
      // Each leaves Gemini another secret for a day
      relearnings: { max: Infinity, firstMs, capMs: 24 * HOUR_MS },
      creationTries: { max: 8, firstMs, capMs: 24 * HOUR_MS },
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
  async repair(
    declared: DeclaredWebhook,
    { webhook, spare, changes }: WebhookStatus,
    all: readonly GeminiWebhook[],
  ): Promise<boolean> {
    if (!webhook) return this.create(declared, all);
    // Each by itself: one that Gemini refuses must not keep the others from being done
    const results = await Promise.allSettled([
      this.isHeld(webhook) || this.reissueSecret(webhook),
      webhook.state === ENABLED || this.reenable(webhook),
      this.updateWebhook(webhook, changes),
      this.remove(spare),
    ]);
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    return results.every((result) => result.status === 'fulfilled' && result.value);
  }

  /** Notes which of these need no patience any more. */
  async recordHealthy(all: readonly GeminiWebhook[]): Promise<void> {
    const now = Date.now();
    await this.vault.updateDocument((vault) => {
      let next = vault;
      for (const webhook of all) {
        if (webhook.state === ENABLED) next = well(next, 'revivals', webhook.id, now);
        if (this.isHeld(webhook)) next = well(next, 'relearnings', webhook.id, now);
      }
      return next;
    });
  }

  private async create(
    declared: DeclaredWebhook,
    all: readonly GeminiWebhook[],
  ): Promise<boolean> {
    const { uri, events: subscribedEvents } = declared;
    if (placeTaken(declared, all) || !this.mayRetry('creationTries', uri)) return false;
    const name = markedName(declared, this.config.webhooks.owner);
    await this.countTry('creationTries', uri, () =>
      this.issuer.create({ name, uri, subscribedEvents }, all),
    );
    // One that is there and deleted is registered at once
    await this.vault.updateDocument((vault) =>
      noted(vault, 'creationTries', uri, undefined),
    );
    return true;
  }

  private async updateWebhook(
    { id }: GeminiWebhook,
    changes: WebhookFields,
  ): Promise<true> {
    if (Object.keys(changes).length > 0) await this.webhooks.update(id, changes);
    return true;
  }

  private async remove(spare: readonly GeminiWebhook[]): Promise<true> {
    for (const { id } of spare) {
      await this.webhooks.delete(id);
      await this.vault.updateDocument((vault) => withGone(vault, id, Date.now()));
    }
    return true;
  }

  /** A secret that was issued behind our back is known to nobody here: only another one helps. */
  private async reissueSecret(webhook: GeminiWebhook): Promise<boolean> {
    const { id } = webhook;
    // What is sealed with a key that is missing may be opened again
    if (this.vault.troubles.length > 0 || !this.mayRetry('relearnings', id)) return false;
    await this.countTry('relearnings', id, () =>
      this.issuer.rotate(webhook, { isAfterLoss: true }),
    );
    await this.note('relearnings', id);
    return true;
  }

  /** What somebody has disabled is enabled at once, what Gemini has a few times, ever more rarely. */
  private async reenable({ id, state }: GeminiWebhook): Promise<boolean> {
    const isGeminis = state === DISABLED_BY_GEMINI;
    if (isGeminis && !this.mayRetry('revivals', id)) return false;
    const { lookDue } = this.vault.document;
    await this.vault.updateDocument((vault) => ({ ...vault, lookDue: true }));
    try {
      await this.webhooks.update(id, { state: ENABLED });
    } catch (error) {
      if (didNothing(error))
        await this.vault.updateDocument((vault) => ({ ...vault, lookDue }));
      throw error;
    }
    // One by hand uses up none of those that the keeper has
    if (isGeminis && this.isPatient) await this.note('revivals', id);
    this.logger.warn({ message: 'webhook enabled again', webhookId: id, state });
    return true;
  }

  /** Of what fails only what may have been done counts. */
  private async countTry(
    ledger: Ledger,
    id: string,
    work: () => Promise<unknown>,
  ): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!didNothing(error)) await this.note(ledger, id);
      throw error;
    }
  }

  private mayRetry(ledger: Ledger, id: string): boolean {
    if (!this.isPatient) return true;
    return mayRetry(this.vault.document[ledger][id], this.patience[ledger], Date.now());
  }

  private async note(ledger: Ledger, id: string): Promise<void> {
    const now = Date.now();
    await this.vault.updateDocument((vault) =>
      noted(vault, ledger, id, recordTry(vault[ledger][id], now)),
    );
  }
}

/** Then certainly nothing was done. */
function didNothing(error: unknown): boolean {
  return error instanceof ProblemException || isRefused(error);
}

function well(
  vault: SecretsDocument,
  ledger: Ledger,
  id: string,
  now: number,
): SecretsDocument {
  const done = vault[ledger][id];
  return done ? noted(vault, ledger, id, recordHealthy(done, now)) : vault;
}

function noted(
  vault: SecretsDocument,
  ledger: Ledger,
  id: string,
  attempts: TryCount | undefined,
): SecretsDocument {
  const { [id]: _, ...others } = vault[ledger];
  return { ...vault, [ledger]: attempts ? { ...others, [id]: attempts } : others };
}
