import { Injectable, Logger } from '@nestjs/common';
import type { WebhooksConfig } from '../../config/config.js';
import { InjectConfig } from '../../config/inject-config.js';
import { isRefused } from '../../gemini/gemini.error.js';
import { ProblemException } from '../../internal-api/problems/problem.exception.js';
import { SigningSecrets } from '../../signing-secrets/signing-secrets.js';
import {
  withJobPollDue,
  withTries,
  type TryCounter,
} from '../../signing-secrets/reconcile-state.js';
import {
  withWebhookGone,
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
  webhookAtSameUri,
  type DeclaredWebhook,
  type WebhookStatus,
} from './webhook-drift.js';

const HOUR_MS = 3_600_000;
/** `whsec_...` and the last four characters. Any other form does not identify a secret. */
const TRUNCATED = /^whsec_\.{3}[A-Za-z0-9+/=]{4}$/;

export interface RepairOptions {
  /** Ignore the retry policies: the operator who runs `webhooks ensure` wants a try now. */
  readonly force: boolean;
}

/** Repairs a declared webhook at Gemini. Repairs that may not help are tried again with growing pauses. */
@Injectable()
export class WebhookRepair {
  private readonly logger = new Logger(WebhookRepair.name);
  private readonly retryPolicies: Readonly<Record<TryCounter, RetryPolicy>>;

  constructor(
    private readonly webhooks: GeminiWebhooks,
    private readonly rotator: SecretRotator,
    private readonly signingSecrets: SigningSecrets,
    @InjectConfig('webhooks') private readonly webhooksConfig: WebhooksConfig,
  ) {
    const { reviveMax, intervalMs: firstMs } = webhooksConfig;
    this.retryPolicies = {
      revivals: { max: reviveMax, firstMs, capMs: 6 * HOUR_MS },
      // Each one makes Gemini sign with one more secret for 24 hours
      relearnings: { max: Infinity, firstMs, capMs: 24 * HOUR_MS },
      creationTries: { max: 8, firstMs, capMs: 24 * HOUR_MS },
    };
  }

  /** True if the webhook's newest secret is stored here, as far as Gemini's truncated form identifies it. */
  isHeld({ id, secrets }: GeminiWebhook): boolean {
    const held = this.signingSecrets
      .live(Date.now())
      .filter(({ webhookId }) => webhookId === id);
    const newest = secrets.find(({ expiresAt }) => expiresAt === undefined)?.truncated;
    if (newest === undefined || !TRUNCATED.test(newest)) return held.length > 0;
    return held.some(({ tail }) => newest.endsWith(tail));
  }

  /**
   * Creates, changes or enables the webhook, reissues its secret and deletes spare ones.
   *
   * @returns false if a retry policy or another webhook at the same URI prevented a repair.
   * @throws the first failure, after all repairs were tried.
   */
  async repair(
    declared: DeclaredWebhook,
    { webhook, spare, changes }: WebhookStatus,
    all: readonly GeminiWebhook[],
    options: RepairOptions,
  ): Promise<boolean> {
    if (!webhook) return this.create(declared, all, options);
    // Independent of each other: a refused repair must not prevent the others
    const results = await Promise.allSettled([
      this.isHeld(webhook) || this.reissueSecret(webhook, options),
      webhook.state === ENABLED || this.reenable(webhook, options),
      this.updateWebhook(webhook, changes),
      this.remove(spare),
    ]);
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    return results.every((result) => result.status === 'fulfilled' && result.value);
  }

  /** Records which of these webhooks need no repair now, so that their tries are forgotten in time. */
  async recordHealthy(all: readonly GeminiWebhook[]): Promise<void> {
    const now = Date.now();
    await this.signingSecrets.updateDocument((document) => {
      let next = document;
      for (const webhook of all) {
        if (webhook.state === ENABLED)
          next = withHealthy(next, 'revivals', webhook.id, now);
        if (this.isHeld(webhook))
          next = withHealthy(next, 'relearnings', webhook.id, now);
      }
      return next;
    });
  }

  private async create(
    declared: DeclaredWebhook,
    all: readonly GeminiWebhook[],
    options: RepairOptions,
  ): Promise<boolean> {
    const { uri, events: subscribedEvents } = declared;
    if (webhookAtSameUri(declared, all) || !this.mayRetry('creationTries', uri, options))
      return false;
    const name = markedName(declared, this.webhooksConfig.owner);
    await this.countTry('creationTries', uri, () =>
      this.rotator.create({ name, uri, subscribedEvents }, all),
    );
    // It exists now. If it is deleted, it may be created again at once
    await this.signingSecrets.updateDocument((document) =>
      withTries(document, 'creationTries', uri, undefined),
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
      await this.signingSecrets.updateDocument((document) =>
        withWebhookGone(document, id, Date.now()),
      );
    }
    return true;
  }

  /** Rotates a webhook that another party rotated: Gemini shows that secret only once. */
  private async reissueSecret(
    webhook: GeminiWebhook,
    options: RepairOptions,
  ): Promise<boolean> {
    const { id } = webhook;
    // The secret may be stored and sealed with a missing key, which the operator can restore
    if (
      this.signingSecrets.troubles.length > 0 ||
      !this.mayRetry('relearnings', id, options)
    )
      return false;
    await this.countTry('relearnings', id, () =>
      this.rotator.rotate(webhook, { isAfterLoss: true }),
    );
    await this.recordTry('relearnings', id);
    return true;
  }

  /** Enables the webhook. If Gemini disabled it, the retry policy limits this; other parties' changes are always undone. */
  private async reenable(
    { id, state }: GeminiWebhook,
    options: RepairOptions,
  ): Promise<boolean> {
    const isByGemini = state === DISABLED_BY_GEMINI;
    if (isByGemini && !this.mayRetry('revivals', id, options)) return false;
    const { lookDue } = this.signingSecrets.document;
    await this.signingSecrets.updateDocument((document) =>
      withJobPollDue(document, true),
    );
    try {
      await this.webhooks.update(id, { state: ENABLED });
    } catch (error) {
      if (hadNoEffect(error))
        await this.signingSecrets.updateDocument((document) =>
          withJobPollDue(document, lookDue),
        );
      throw error;
    }
    // A try by the operator does not count
    if (isByGemini && !options.force) await this.recordTry('revivals', id);
    this.logger.warn({ message: 'webhook enabled again', webhookId: id, state });
    return true;
  }

  /** Counts a failed try, unless it certainly had no effect. */
  private async countTry(
    counter: TryCounter,
    id: string,
    work: () => Promise<unknown>,
  ): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!hadNoEffect(error)) await this.recordTry(counter, id);
      throw error;
    }
  }

  private mayRetry(counter: TryCounter, id: string, { force }: RepairOptions): boolean {
    const tries = this.signingSecrets.document[counter][id];
    return force || mayRetry(tries, this.retryPolicies[counter], Date.now());
  }

  private async recordTry(counter: TryCounter, id: string): Promise<void> {
    const now = Date.now();
    await this.signingSecrets.updateDocument((document) =>
      withTries(document, counter, id, recordTry(document[counter][id], now)),
    );
  }
}

/** True if the failed call certainly had no effect at Gemini. */
function hadNoEffect(error: unknown): boolean {
  return error instanceof ProblemException || isRefused(error);
}

/** Records that the repair is not needed now. */
function withHealthy(
  document: SecretsDocument,
  counter: TryCounter,
  id: string,
  now: number,
): SecretsDocument {
  const done = document[counter][id];
  return done ? withTries(document, counter, id, recordHealthy(done, now)) : document;
}
