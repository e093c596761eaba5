import { z } from 'zod';
import { invalidBody, invalidQuery } from '../../internal-api/problems/schema-faults.js';
import { EVENT_TYPES } from '../../events/subscribable-events.js';

const fields = {
  name: z.string().max(128).describe('For people'),
  uri: z
    .string()
    .max(2048)
    .refine((uri) => /^https?:\/\//.test(uri) && URL.canParse(uri), 'want https://…')
    .describe('Where Gemini delivers to'),
  subscribedEvents: z
    .array(z.string().min(1).max(128))
    .min(1)
    .max(100)
    .describe(`Of ${EVENT_TYPES.join(', ')}`),
};

export const NEW_WEBHOOK = z
  .strictObject({
    name: fields.name.optional(),
    uri: fields.uri,
    subscribedEvents: fields.subscribedEvents.default([...EVENT_TYPES]),
  })
  .meta({
    description: 'A static webhook; all events when none are named',
    examples: [{ name: 'main', uri: 'https://bridge.example/webhooks/gemini' }],
  });

export const WEBHOOK_CHANGE = z
  .strictObject({
    name: fields.name.optional(),
    uri: fields.uri.optional(),
    subscribedEvents: fields.subscribedEvents.optional(),
    state: z.enum(['enabled', 'disabled']).optional(),
  })
  .refine((given) => Object.keys(given).length > 0, 'names nothing to change')
  .meta({
    description: 'What changes; the rest stays as it is',
    examples: [{ state: 'enabled' }],
  });

export const ROTATION = z
  .strictObject({
    revocationBehavior: z
      .enum(['revoke_previous_secrets_after_h24', 'revoke_previous_secrets_immediately'])
      .default('revoke_previous_secrets_after_h24'),
    force: z
      .boolean()
      .default(false)
      .describe('Also while the secrets of the last rotation are live'),
  })
  .meta({
    description: 'How to rotate; the body may be left out',
    examples: [{ revocationBehavior: 'revoke_previous_secrets_after_h24' }],
  });

export const PAGE_QUERY = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1000).default(50),
  cursor: z
    .string()
    .regex(/^[\x21-\x7e]{1,1024}$/, 'want the nextCursor of a page')
    .optional()
    .describe('`nextCursor` of the page before'),
});

/** @throws {ProblemException} 422 with every fault and its place. */
export function parseBody<T extends z.ZodType>(schema: T, body: unknown): z.output<T> {
  const parsed = schema.safeParse(body ?? {});
  if (parsed.success) return parsed.data;
  throw invalidBody(
    'the body does not have the form that this operation wants',
    parsed.error.issues,
  );
}

/** @throws {ProblemException} 400 */
export function parsePageQuery(query: unknown): z.output<typeof PAGE_QUERY> {
  const parsed = PAGE_QUERY.safeParse(query);
  if (parsed.success) return parsed.data;
  throw invalidQuery(parsed.error.issues);
}
