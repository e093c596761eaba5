import { Injectable } from '@nestjs/common';
import { isRefused } from '../../gemini/gemini.error.js';
import type {
  PendingIssuance,
  SecretsDocument,
} from '../../signing-secrets/secrets-document.js';
import { SigningSecrets } from '../../signing-secrets/signing-secrets.js';
import type { GeminiWebhook, WebhookFields } from '../gemini/gemini-webhook.js';
import { GeminiWebhooks } from '../gemini/gemini-webhooks.client.js';
import {
  assertInTime,
  newPendingIssuance,
  PendingIssuances,
  type IssuedSecret,
} from './pending-issuance.js';
import {
  webhookExists,
  withCreationEntry,
  withRotationEntry,
} from './secret-transitions.js';

export interface RotateOptions {
  /** Revoke the older secrets at once, not after 24 hours. */
  readonly revokes?: boolean;
  /** Replace pending issuances of the webhook that wait for recovery. */
  readonly force?: boolean;
  /** Another party rotated the webhook: Gemini signs with a secret that this bridge never received. */
  readonly isAfterLoss?: boolean;
}

/**
 * Makes Gemini issue secrets, and stores each one sealed: mark, ask, store.
 *
 * The mark is a pending issuance in the secrets document. From then on no replica refuses a delivery
 * for an unknown secret. If the process dies, or Gemini does not answer, `IssuanceRecovery` rotates
 * the webhook: Gemini does not show an issued secret again.
 */
@Injectable()
export class SecretRotator {
  private readonly pending: PendingIssuances;

  constructor(
    private readonly webhooks: GeminiWebhooks,
    private readonly signingSecrets: SigningSecrets,
  ) {
    this.pending = new PendingIssuances(signingSecrets);
  }

  /**
   * Creates a webhook at Gemini and stores its secret.
   *
   * @param all all webhooks of the project, as Gemini lists them.
   * @throws {ProblemException} 409 if a webhook at this URI is being created, or was created and is
   *   not in Gemini's list yet.
   * @throws {GeminiError | SecretsUnavailableError}
   */
  async create(
    fields: WebhookFields,
    all: readonly GeminiWebhook[],
  ): Promise<GeminiWebhook> {
    const { name = '', uri = '' } = fields;
    const missing = await this.missingCreation(uri);
    const before = all.map(({ id }) => id);
    const entry = newPendingIssuance({ name, uri, before, revokes: false });
    const mark = (document: SecretsDocument): SecretsDocument =>
      withCreationEntry(document, entry, missing);
    let created: GeminiWebhook | undefined;
    await this.issue(entry, mark, async () => {
      const { webhook, secret } = await this.webhooks.create(fields);
      created = webhook;
      return { webhookId: webhook.id, secret };
    });
    return created as GeminiWebhook;
  }

  /**
   * Makes Gemini issue another secret of the webhook and stores it.
   *
   * @throws {ProblemException} 409 while another secret of the webhook is being issued.
   * @throws {GeminiError | SecretsUnavailableError}
   */
  async rotate(
    webhook: Pick<GeminiWebhook, 'id' | 'uri' | 'name'>,
    { revokes = false, force = false, isAfterLoss = false }: RotateOptions = {},
  ): Promise<void> {
    const { id: webhookId } = webhook;
    const tries = isAfterLoss ? 1 : 0;
    const entry = { ...newPendingIssuance({ webhookId, revokes }), tries };
    const mark = (document: SecretsDocument): SecretsDocument =>
      withRotationEntry(document, entry, webhook, force, Date.now());
    await this.issue(entry, mark, async (marked) => ({
      webhookId,
      secret: await this.webhooks.rotate(webhookId, marked.revokes),
    }));
  }

  /**
   * Asks Gemini for the webhook that was last created at this URI, by id: its list may lag behind.
   *
   * @returns its id if Gemini does not know it any more; undefined if none was created.
   * @throws {ProblemException} 409 if it exists.
   */
  private async missingCreation(uri: string): Promise<string | undefined> {
    const { webhookId: id } = this.signingSecrets.document.creations[uri] ?? {};
    if (id !== undefined && (await this.webhooks.exists(id))) throw webhookExists(id);
    return id;
  }

  private async issue(
    wanted: PendingIssuance,
    mark: (document: SecretsDocument) => SecretsDocument,
    ask: (entry: PendingIssuance) => Promise<IssuedSecret>,
  ): Promise<void> {
    const entry = await this.pending.add(wanted, mark);
    await this.pending.withLease(entry, async () => {
      let issued: IssuedSecret;
      try {
        assertInTime(entry);
        issued = await ask(entry);
      } catch (error) {
        await this.giveUp(entry, error);
        throw error;
      }
      await this.pending.complete(entry, issued);
    });
  }

  private async giveUp(entry: PendingIssuance, error: unknown): Promise<void> {
    // A rotation that replaces pending ones stays pending, even when Gemini refuses it
    if (isRefused(error) && !entry.settlesOthers) await this.pending.remove(entry);
    else await this.pending.release(entry, error);
  }
}
