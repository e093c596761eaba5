import { Injectable } from '@nestjs/common';
import { geminiProblem } from '../internal-api/problems/gemini-problem.js';
import { GeminiError, isMissing } from '../gemini/gemini.error.js';
import { ProblemException } from '../internal-api/problems/problem.exception.js';
import { SigningSecrets } from '../signing-secrets/signing-secrets.js';
import { withWebhookGone, withoutEntry } from '../signing-secrets/secrets-document.js';
import { GUIDE_ONLY } from '../events/subscribable-events.js';
import {
  overlapEnd,
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

/** The administration of the project's static webhooks, for the API and the CLI. It returns no secret. */
@Injectable()
export class WebhookService {
  constructor(
    private readonly webhooks: GeminiWebhooks,
    private readonly rotator: SecretRotator,
    private readonly signingSecrets: SigningSecrets,
  ) {}

  /** @throws {ProblemException} Gemini's answer, as all of these methods; 503 without `GEMINI_API_KEY`. */
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
   * Registers a webhook. Its secret is stored when this returns.
   *
   * @throws {ProblemException} 409 if a webhook delivers to the same URI: each event would arrive
   *   twice; 503 without a vault; 504 if Gemini did not answer: `IssuanceRecovery` then finds out
   *   whether the webhook exists.
   */
  async create(fields: WebhookFields): Promise<WebhookView> {
    this.assertVault();
    const all = await this.askGemini(() => this.webhooks.all());
    const there = all.find(({ uri }) => uri === fields.uri);
    if (there) {
      const detail =
        'a webhook exists at this uri: a second one would deliver each event twice';
      throw new ProblemException(409, 'webhook-exists', detail, {}, { id: there.id });
    }
    return this.view(
      await this.askGemini(() => this.rotator.create(fields, all), fields),
    );
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
    if (!this.signingSecrets.configured) return;
    await this.signingSecrets.updateDocument((document) =>
      withWebhookGone(document, id, Date.now()),
    );
  }

  /**
   * Removes an entry from the stored document and changes nothing at Gemini.
   *
   * @param id of a webhook, or of a pending issuance.
   */
  async forget(id: string): Promise<void> {
    this.assertVault();
    await this.signingSecrets.updateDocument((document) => withoutEntry(document, id));
  }

  /**
   * Makes Gemini issue another secret. It is stored when this returns.
   *
   * @throws {ProblemException} 404; 409 while an older secret is valid, unless forced; 503 without
   *   a vault; 504 if Gemini did not answer: `IssuanceRecovery` then rotates again.
   */
  async rotate(id: string, { revokes, force }: Rotation): Promise<WebhookView> {
    this.assertVault();
    const webhook = await this.findWebhook(id);
    const overlap = overlapEnd(webhook);
    if (overlap !== undefined && !force) {
      const until = new Date(overlap).toISOString();
      const detail = `the secrets before the last rotation are live until ${until}: a rotation before that may leave deliveries without a known secret. Wait, or use force`;
      const seconds = Math.max(1, Math.ceil((overlap - Date.now()) / 1000));
      throw new ProblemException(409, 'rotation-under-way', detail, {
        'Retry-After': String(seconds),
      });
    }
    await this.askGemini(() => this.rotator.rotate(webhook, { revokes, force }));
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
      throw withRemedy(geminiProblem(error), error, fields);
    }
  }

  private view(webhook: GeminiWebhook): WebhookView {
    return webhookView(webhook, this.signingSecrets);
  }

  /** @throws {ProblemException} 503 without `GEMINI_API_KEY` or `VAULT_KEYS_FILE`. */
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
    if (this.signingSecrets.configured) return;
    const detail =
      'set VAULT_KEYS_FILE: Gemini shows a secret once, and the bridge has to store it';
    throw new ProblemException(503, 'vault-not-configured', detail);
  }
}

/** Adds a remedy if the request subscribes to events that Google's guide names and its API refuses. */
function withRemedy(
  problem: ProblemException,
  { status }: GeminiError,
  { subscribedEvents = [] }: WebhookFields,
): ProblemException {
  const unknown = GUIDE_ONLY.filter((event) => subscribedEvents.includes(event));
  if (status !== 400 || unknown.length === 0) return problem;
  const detail = `${problem.message}; Gemini's guide names ${unknown.join(' and ')}, its API refuses subscriptions to them: leave them out. The bridge learns of cancelled jobs by polling`;
  return new ProblemException(
    problem.status,
    problem.code,
    detail,
    problem.headers,
    problem.extensions,
  );
}
