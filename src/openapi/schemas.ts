import { z } from 'zod';
import { BODIES } from '../jobs/api/job-order.js';
import { JOB, JOB_PAGE, SUBMITTED_JOB } from '../jobs/job-view.js';
import type { JobKind } from '../jobs/job-kind.js';
import { PROBLEM_DETAILS } from '../internal-api/problems/problem-details.js';
import { without } from '../infrastructure/json/json.js';
import { NEW_WEBHOOK, ROTATION, WEBHOOK_CHANGE } from '../webhooks/api/webhook-order.js';
import { WEBHOOK, WEBHOOK_PAGE } from '../webhooks/webhook-view.js';

/** JSON Schema of draft 2020-12, which OpenAPI 3.1 uses. */
export type Schema = z.core.JSONSchema.BaseSchema;

const ANSWERS = {
  Job: JOB,
  SubmittedJob: SUBMITTED_JOB,
  JobPage: JOB_PAGE,
  Problem: PROBLEM_DETAILS,
  Webhook: WEBHOOK,
  WebhookPage: WEBHOOK_PAGE,
} satisfies Record<string, z.ZodType>;

const ORDERS: Readonly<Record<string, z.ZodType>> = {
  ...Object.fromEntries(Array.from(BODIES, ([kind, body]) => [orderName(kind), body])),
  NewWebhookOrder: NEW_WEBHOOK,
  WebhookChangeOrder: WEBHOOK_CHANGE,
  RotationOrder: ROTATION,
};

/** The members of `components.schemas`, by name. */
export function componentSchemas(): Record<string, Schema> {
  return { ...converted(ORDERS, 'input'), ...converted(ANSWERS, 'output') };
}

export function schemaOf(type: z.ZodType): Schema {
  return without(z.toJSONSchema(type, { override: withoutPattern }), '$schema');
}

export function reference(name: keyof typeof ANSWERS | `${string}Order`): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

/** `embedding-batch` is `EmbeddingBatchOrder`. */
export function orderName({ name }: JobKind): `${string}Order` {
  const words = name.split('-').map((word) => word[0]?.toUpperCase() + word.slice(1));
  return `${words.join('')}Order`;
}

function converted(
  types: Readonly<Record<string, z.ZodType>>,
  io: 'input' | 'output',
): Record<string, Schema> {
  const registry = z.registry<{ id: string }>();
  for (const [id, type] of Object.entries(types)) registry.add(type, { id });
  const { schemas } = z.toJSONSchema(registry, {
    io,
    uri: (id) => `#/components/schemas/${id}`,
    override: withoutPattern,
  });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, schema]) => {
      const about = types[id]?.meta() ?? {};
      return [id, { ...about, ...without(schema, '$schema', '$id') } as Schema];
    }),
  );
}

/** A format says the same, and people can read it. */
function withoutPattern({ jsonSchema }: { jsonSchema: Schema }): void {
  if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
}
