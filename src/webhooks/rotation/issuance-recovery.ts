import { Injectable, Logger } from '@nestjs/common';
import { isMissing } from '../../gemini/gemini.error.js';
import {
  CREATION_SHOWS_MS,
  type PendingIssuance,
} from '../../signing-secrets/secrets-document.js';
import { SigningSecrets } from '../../signing-secrets/signing-secrets.js';
import { GeminiWebhooks } from '../gemini/gemini-webhooks.client.js';
import { PendingIssuances } from './pending-issuance.js';
import { ownEntry, withWebhookClaimed } from './secret-transitions.js';

/**
 * Recovers issuances that a replica began and did not complete. The issued secret, if there is one,
 * is lost, so the recovery rotates the webhook.
 */
@Injectable()
export class IssuanceRecovery {
  private readonly logger = new Logger(IssuanceRecovery.name);
  private readonly pending: PendingIssuances;

  constructor(
    private readonly webhooks: GeminiWebhooks,
    private readonly signingSecrets: SigningSecrets,
  ) {
    this.pending = new PendingIssuances(signingSecrets);
  }

  /** Recovers each pending issuance whose lease or pause is over, and which no other replica takes over. */
  async recoverPending(): Promise<void> {
    for (const { id, until } of this.signingSecrets.document.unsettled) {
      if (until > Date.now()) continue;
      const entry = await this.pending.takeOver(id);
      if (entry) await this.pending.withLease(entry, () => this.recover(entry));
    }
  }

  private async recover(entry: PendingIssuance): Promise<void> {
    try {
      const webhookId = entry.webhookId ?? (await this.createdId(entry));
      if (webhookId === undefined) await this.giveUpCreation(entry);
      else if (await this.claimWebhook(entry, webhookId))
        await this.rotate(entry, webhookId);
    } catch (error) {
      const { id } = entry;
      this.logger.warn({ message: 'pending issuance not recovered', id, error });
      if (await this.isGone(entry, error)) await this.pending.remove(entry);
      else await this.pending.release(entry, error);
    }
  }

  private async rotate(entry: PendingIssuance, webhookId: string): Promise<void> {
    const secret = await this.webhooks.rotate(webhookId, entry.revokes);
    this.logger.warn({
      message: 'webhook rotated: an issued secret was not stored',
      webhookId,
    });
    const lost = { ...entry, tries: entry.tries + 1 };
    await this.pending.complete(lost, { webhookId, secret });
  }

  /** Gemini lists no such webhook. After `CREATION_SHOWS_MS` that proves that it was not created. */
  private async giveUpCreation(entry: PendingIssuance): Promise<void> {
    if (Date.now() > entry.since + CREATION_SHOWS_MS) await this.pending.remove(entry);
    else await this.pending.release(entry);
  }

  /**
   * Assigns the webhook to the entry of its creation.
   *
   * @returns false if the entry was taken over, or the webhook has secrets or another entry.
   */
  private async claimWebhook(
    entry: PendingIssuance,
    webhookId: string,
  ): Promise<boolean> {
    const document = await this.signingSecrets.updateDocument((current) =>
      withWebhookClaimed(current, entry, webhookId),
    );
    return ownEntry(document, entry)?.webhookId === webhookId;
  }

  /** True if the webhook does not exist any more. Another refusal does not say what the first call did. */
  private async isGone({ webhookId }: PendingIssuance, error: unknown): Promise<boolean> {
    if (webhookId === undefined || !isMissing(error)) return false;
    return this.webhooks.exists(webhookId).then(
      (exists) => !exists,
      () => false,
    );
  }

  /** The id of a webhook that has the name and URI of the creation and did not exist before it. */
  private async createdId(entry: PendingIssuance): Promise<string | undefined> {
    const { name, uri, before = [] } = entry;
    const found = (await this.webhooks.all()).find(
      (each) =>
        each.name === name &&
        each.uri === uri &&
        !before.includes(each.id) &&
        !(each.id in this.signingSecrets.document.webhooks),
    );
    return found?.id;
  }
}
