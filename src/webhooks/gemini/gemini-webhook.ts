import { z } from 'zod';

/** The form of an id, which becomes part of a path. */
export const WEBHOOK_ID = /^[A-Za-z0-9_-]{1,128}$/;

const time = z
  .string()
  .nullish()
  .transform((text) => {
    const ms = Date.parse(text ?? '');
    return Number.isNaN(ms) ? undefined : ms;
  });

/** A static webhook in Gemini's answer to `GET webhooks/{id}`. */
export const geminiWebhook = z
  .object({
    id: z.string().regex(WEBHOOK_ID),
    name: z
      .string()
      .nullish()
      .transform((name) => name ?? ''),
    uri: z.string(),
    subscribed_events: z
      .array(z.string())
      .nullish()
      .transform((events) => events ?? []),
    state: z
      .string()
      .nullish()
      .transform((state) => state ?? 'enabled'),
    signing_secrets: z
      .array(z.object({ truncated_secret: z.string(), expire_time: time }))
      .nullish()
      .transform((secrets) => secrets ?? []),
  })
  .transform(({ subscribed_events, signing_secrets, ...rest }) => ({
    ...rest,
    subscribedEvents: subscribed_events,
    secrets: signing_secrets.map(({ truncated_secret, expire_time }) => ({
      /** `whsec_...` and the last four characters. */
      truncated: truncated_secret,
      expiresAt: expire_time,
    })),
  }));

export type GeminiWebhook = z.output<typeof geminiWebhook>;

/** The last end of the older secrets that are still valid, Unix ms; undefined if there are none. */
export function overlapEnd({ secrets }: GeminiWebhook): number | undefined {
  const ends = secrets
    .map(({ expiresAt }) => expiresAt)
    .filter((end) => end !== undefined && end > Date.now()) as number[];
  return ends.length === 0 ? undefined : Math.max(...ends);
}

/** Gemini's answer to a creation. Only this answer has the secret. */
export const createdWebhook = z
  .looseObject({ id: z.string().regex(WEBHOOK_ID), new_signing_secret: z.string() })
  .transform(({ new_signing_secret: secret, ...rest }) => ({
    webhook: geminiWebhook.parse(rest),
    secret,
  }));

export const rotatedSecret = z
  .object({ secret: z.string() })
  .transform(({ secret }) => secret);

/** A page of Gemini's list. It leaves out webhooks that cannot be parsed: the bridge did not create them. */
export const webhookPage = z.object({
  webhooks: z
    .array(geminiWebhook.optional().catch(undefined))
    .default([])
    .transform((webhooks) => webhooks.filter((webhook) => webhook !== undefined)),
  next_page_token: z
    .string()
    .optional()
    .transform((token) => (token === '' ? undefined : token)),
});

/** The fields of a webhook that a call sets. */
export interface WebhookFields {
  readonly name?: string | undefined;
  readonly uri?: string | undefined;
  readonly subscribedEvents?: readonly string[] | undefined;
  readonly state?: string | undefined;
}
