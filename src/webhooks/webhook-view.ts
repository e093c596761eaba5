import { z } from 'zod';
import type { SigningSecrets } from '../signing-secrets/signing-secrets.js';
import type { GeminiWebhook } from './gemini/gemini-webhook.js';

const time = z.iso.datetime();

const secretView = z.object({
  truncated: z.string().describe('As Gemini shows it: its last four characters'),
  keyId: z
    .string()
    .exactOptional()
    .describe(
      '`bridge-key-id` of the deliveries that it verified; absent if the vault does not have it',
    ),
  expiresAt: time.exactOptional().describe('When Gemini stops signing with it'),
  lastUsedAt: time
    .exactOptional()
    .describe('When a delivery was last verified with it, to the minute'),
});

/** A static webhook in an answer of the API. */
export const WEBHOOK = z.object({
  id: z.string(),
  name: z.string(),
  uri: z.string(),
  subscribedEvents: z.array(z.string()),
  state: z
    .string()
    .describe('`enabled`, `disabled` or `disabled_due_to_failed_deliveries`'),
  secrets: z.array(secretView).describe('Newest first'),
});

export const WEBHOOK_PAGE = z.object({
  webhooks: z.array(WEBHOOK),
  nextCursor: z
    .string()
    .exactOptional()
    .describe('`cursor` of the next page; absent at the end'),
});

export type WebhookView = z.output<typeof WEBHOOK>;
export type WebhookPage = z.output<typeof WEBHOOK_PAGE>;

/** Combines Gemini's webhook with the stored state of its secrets. It contains no secret. */
export function webhookView(
  webhook: GeminiWebhook,
  signingSecrets: SigningSecrets,
): WebhookView {
  const { id, name, uri, subscribedEvents, state } = webhook;
  return {
    id,
    name,
    uri,
    subscribedEvents,
    state,
    secrets: secretsOf(webhook, signingSecrets),
  };
}

function secretsOf(
  { id, secrets }: GeminiWebhook,
  signingSecrets: SigningSecrets,
): WebhookView['secrets'] {
  const held = signingSecrets.live(0).filter(({ webhookId }) => webhookId === id);
  const stored = signingSecrets.document.webhooks[id]?.secrets ?? [];
  return secrets.map(({ truncated, expiresAt }) => {
    const keyId = held.find(({ tail }) => truncated.endsWith(tail))?.keyId;
    const usedAt = stored.find((secret) => secret.keyId === keyId)?.usedAt;
    return {
      truncated,
      ...(keyId !== undefined && { keyId }),
      ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt).toISOString() }),
      ...(usedAt !== undefined && { lastUsedAt: new Date(usedAt).toISOString() }),
    };
  });
}
