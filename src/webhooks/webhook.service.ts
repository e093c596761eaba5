import { Injectable } from '@nestjs/common';
import { geminiProblem } from '../internal-api/problems/gemini-problem.js';
import { GeminiError, isMissing } from '../gemini/gemini.error.js';
import { ProblemException } from '../internal-api/problems/problem.exception.js';
import { SigningSecrets } from '../signing-secrets/signing-secrets.js';
import { withGone, without } from '../signing-secrets/secrets-document.js';
import { GUIDE_ONLY } from '../events/subscribable-events.js';
import {
  WEBHOOK_ID,
  type GeminiWebhook,
  type WebhookFields,
} from './gemini/gemini-webhook.js';
import { GeminiWebhooks } from './gemini/gemini-webhooks.client.js';
import { SecretRotator } from './rotation/secret.rotator.js';
import { webhookView, type WebhookPage, type WebhookView } from './webhook-view.js';

export interface Rotation {
  readonly revokes: boolean;
  readonly force: boolean;
}

/** The project's static webhooks, for whoever administers them. No secret ever leaves it. */
@Injectable()
export class WebhookService {
  constructor(
    private readonly webhooks: GeminiWebhooks,
    private readonly issuer: SecretRotator,
    private readonly vault: SigningSecrets,
  ) {}

  /** @throws {ProblemException} what Gemini says, as all of these; 503 without a key. */
  async list(pageToken: string | undefined, limit: number): Promise<WebhookPage> {
    const page = await this.askGemini(() => this.webhooks.page(pageToken, limit));
    const { next_page_token: next } = page;
    return {
      webhooks: page.webhooks.map((webhook) => this.view(webhook)),
      ...(next === undefined ? {} : { nextCursor: next }),
    };
  }

  /** @throws {ProblemException} 404 */
  async get(id: string): Promise<WebhookView> {
    return this.view(await this.findWebhook(id));
  }

  /**
   * Registers a webhook, whose secret is in the vault when this returns.
   *
   * @throws {ProblemException} 409 when there is one at the same place: each event would come twice; 503
   *   without a vault; 504 when Gemini did not say whether it took it, which is then settled.
   */
  async create(fields: WebhookFields): Promise<WebhookView> {
    this.assertVault();
    const all = await this.askGemini(() => this.webhooks.all());
    const there = all.find(({ uri }) => uri === fields.uri);
    if (there) {
      const detail =
        'there is a webhook at this uri: each event would be delivered twice';
      throw new ProblemException(409, 'webhook-exists', detail, {}, { id: there.id });
    }
    return this.view(await this.askGemini(() => this.issuer.create(fields, all), fields));
  }

  /** @throws {ProblemException} 404 */
  async update(id: string, fields: WebhookFields): Promise<WebhookView> {
    await this.findWebhook(id);
    return this.view(
      await this.askGemini(() => this.webhooks.update(id, fields), fields),
    );
  }

  /** @throws {ProblemException} 404 */
  async delete(id: string): Promise<void> {
    await this.findWebhook(id);
    await this.askGemini(() => this.webhooks.delete(id));
    if (!this.vault.configured) return;
    await this.vault.updateDocument((vault) => withGone(vault, id, Date.now()));
  }

  /** Leaves Gemini alone. @param id of a webhook, or of what could not be settled. */
  async forget(id: string): Promise<void> {
    this.assertVault();
    await this.vault.updateDocument((vault) => without(vault, id));
  }

  /**
   * Has Gemini issue another secret, which is in the vault when this returns.
   *
   * @throws {ProblemException} 404; 409 while an earlier secret is live still, unless forced; 503 without a
   *   vault; 504 when Gemini did not answer: then somebody rotates again.
   */
  async rotate(id: string, { revokes, force }: Rotation): Promise<WebhookView> {
    this.assertVault();
    const webhook = await this.findWebhook(id);
    const overlap = overlapOf(webhook);
    if (overlap !== undefined && !force) {
      const until = new Date(overlap).toISOString();
      const detail = `the secrets before the last rotation are live until ${until}: another one now would leave deliveries without a secret that both sides know`;
      const seconds = Math.max(1, Math.ceil((overlap - Date.now()) / 1000));
      throw new ProblemException(409, 'rotation-under-way', detail, {
        'Retry-After': String(seconds),
      });
    }
    await this.askGemini(() => this.issuer.rotate(webhook, { revokes, force }));
    return this.get(id);
  }

  /** @throws {ProblemException} 404 */
  async ping(id: string): Promise<void> {
    await this.findWebhook(id);
    await this.askGemini(() => this.webhooks.ping(id));
  }

  private async findWebhook(id: string): Promise<GeminiWebhook> {
    const missing = new ProblemException(
      404,
      'webhook-not-found',
      'there is no such webhook',
    );
    if (!WEBHOOK_ID.test(id)) throw missing;
    this.assertConfigured();
    try {
      return await this.webhooks.get(id);
    } catch (error) {
      if (isMissing(error)) throw missing;
      throw error instanceof GeminiError ? geminiProblem(error) : error;
    }
  }

  private async askGemini<T>(
    ask: () => Promise<T>,
    fields: WebhookFields = {},
  ): Promise<T> {
    this.assertConfigured();
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof GeminiError)) throw error;
      throw explained(geminiProblem(error), error, fields);
    }
  }

  private view(webhook: GeminiWebhook): WebhookView {
    return webhookView(webhook, this.vault);
  }

  /** @throws {ProblemException} 503 without a key of Gemini's, or without a vault. */
  assertManaging(): void {
    this.assertConfigured();
    this.assertVault();
  }

  private assertConfigured(): void {
    if (this.webhooks.configured) return;
    const detail = 'set GEMINI_API_KEY to manage webhooks';
    throw new ProblemException(503, 'gemini-not-configured', detail);
  }

  private assertVault(): void {
    if (this.vault.configured) return;
    const detail =
      'set VAULT_KEYS_FILE: Gemini shows a secret once, and it has to be kept';
    throw new ProblemException(503, 'vault-not-configured', detail);
  }
}

/** Until when secrets before the newest are live, Unix ms; undefined when none is. */
export function overlapOf({ secrets }: GeminiWebhook): number | undefined {
  const ends = secrets
    .map(({ expiresAt }) => expiresAt)
    .filter((end) => end !== undefined && end > Date.now()) as number[];
  return ends.length === 0 ? undefined : Math.max(...ends);
}

/** Google's guide names events that its API does not take. */
function explained(
  problem: ProblemException,
  { status }: GeminiError,
  { subscribedEvents = [] }: WebhookFields,
): ProblemException {
  const unknown = GUIDE_ONLY.filter((event) => subscribedEvents.includes(event));
  if (status !== 400 || unknown.length === 0) return problem;
  const detail = `${problem.message}; Gemini's guide names ${unknown.join(' and ')}, its API takes no subscription to them: leave them out, a cancelled job is found out by asking`;
  return new ProblemException(
    problem.status,
    problem.code,
    detail,
    problem.headers,
    problem.extensions,
  );
}
