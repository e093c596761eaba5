import { Injectable } from '@nestjs/common';
import type { GeminiRequest } from '../../gemini/gemini-request.js';
import { GeminiClient } from '../../gemini/gemini.client.js';
import { isMissing } from '../../gemini/gemini.error.js';
import {
  createdWebhook,
  geminiWebhook,
  rotatedSecret,
  webhookPage,
  type GeminiWebhook,
  type WebhookFields,
} from './gemini-webhook.js';

const TIMEOUT_MS = 15_000;
/** Limit of calls that issue a secret. Short, because another replica takes an unanswered issuance over soon. */
export const ISSUE_TIMEOUT_MS = 6000;
const PAGE_SIZE = 100;
const MAX_PAGES = 100;

/**
 * Client of Gemini's REST resource `webhooks`. It repeats no call, because a repeated creation or
 * rotation issues another secret.
 *
 * Google's SDK is not used: it repeats creations by default and hides `Retry-After`.
 *
 * @see https://ai.google.dev/gemini-api/docs/webhooks
 */
@Injectable()
export class GeminiWebhooks {
  constructor(private readonly gemini: GeminiClient) {}

  /** False without `GEMINI_API_KEY`. */
  get configured(): boolean {
    return this.gemini.configured;
  }

  /** @throws {GeminiError} as all of these methods. */
  get(id: string): Promise<GeminiWebhook> {
    return this.ask({ method: 'GET', path: `webhooks/${id}` }, geminiWebhook);
  }

  /** Asks by id, which works even if Gemini's list lags behind. */
  async exists(id: string): Promise<boolean> {
    try {
      await this.get(id);
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  page(pageToken: string | undefined, pageSize = PAGE_SIZE) {
    const query = {
      page_size: String(pageSize),
      ...(pageToken === undefined ? {} : { page_token: pageToken }),
    };
    return this.ask({ method: 'GET', path: 'webhooks', query }, webhookPage);
  }

  /** All webhooks of the project. */
  async all(): Promise<readonly GeminiWebhook[]> {
    const found: GeminiWebhook[] = [];
    let token: string | undefined;
    for (let pages = 0; pages < MAX_PAGES; pages++) {
      const { webhooks, next_page_token: next } = await this.page(token);
      found.push(...webhooks);
      if (next === undefined) break;
      token = next;
    }
    return found;
  }

  create(fields: WebhookFields): Promise<{ webhook: GeminiWebhook; secret: string }> {
    const body = requestBody(fields);
    return this.ask(
      { method: 'POST', path: 'webhooks', body },
      createdWebhook,
      ISSUE_TIMEOUT_MS,
    );
  }

  /** Changes only the given fields: the update mask names them. */
  update(id: string, fields: WebhookFields): Promise<GeminiWebhook> {
    const body = requestBody(fields);
    const query = { update_mask: Object.keys(body).join(',') };
    return this.ask(
      { method: 'PATCH', path: `webhooks/${id}`, query, body },
      geminiWebhook,
    );
  }

  async delete(id: string): Promise<void> {
    await this.gemini.send({ method: 'DELETE', path: `webhooks/${id}` }, TIMEOUT_MS);
  }

  /** @returns the new secret. Gemini does not show it again. */
  rotate(id: string, revokes: boolean): Promise<string> {
    const behavior = revokes
      ? 'revoke_previous_secrets_immediately'
      : 'revoke_previous_secrets_after_h24';
    const path = `webhooks/${id}:rotateSigningSecret`;
    const body = { revocation_behavior: behavior };
    return this.ask({ method: 'POST', path, body }, rotatedSecret, ISSUE_TIMEOUT_MS);
  }

  async ping(id: string): Promise<void> {
    await this.gemini.send(
      { method: 'POST', path: `webhooks/${id}:ping`, body: {} },
      TIMEOUT_MS,
    );
  }

  private ask<T>(
    request: GeminiRequest,
    schema: { parse(answer: unknown): T },
    timeoutMs = TIMEOUT_MS,
  ): Promise<T> {
    return this.gemini.ask(request, timeoutMs, (answer) => schema.parse(answer));
  }
}

function requestBody({ name, uri, subscribedEvents, state }: WebhookFields): object {
  return {
    ...(name === undefined ? {} : { name }),
    ...(uri === undefined ? {} : { uri }),
    ...(subscribedEvents === undefined ? {} : { subscribed_events: subscribedEvents }),
    ...(state === undefined ? {} : { state }),
  };
}
