import type { z } from 'zod';
import type { WebhookController } from '../webhooks/api/webhook.controller.js';
import {
  NEW_WEBHOOK,
  PAGE_QUERY,
  ROTATION,
  WEBHOOK_CHANGE,
} from '../webhooks/api/webhook-order.js';
import {
  GEMINI_PROBLEMS,
  idParameter,
  jsonAnswer,
  queryParameters,
  type Description,
} from './description.js';
import type { Body } from './openapi-objects.js';
import { reference } from './schemas.js';

const EXAMPLE = {
  id: 'k3v9x2m7q1w8e5r4t6y0u2i9o8p7a6s5d4f3',
  name: 'main [gemini-kafka-bridge/bridge.example]',
  uri: 'https://bridge.example/webhooks/gemini',
  subscribedEvents: ['batch.succeeded', 'batch.failed'],
  state: 'enabled',
  secrets: [{ truncated: 'whsec_...Yw==', keyId: '1f0c2ab9' }],
};

const ID = idParameter(EXAMPLE.id);
const WEBHOOK = jsonAnswer('The webhook', reference('Webhook'), EXAMPLE);

const EVERY = ['malformed', ...GEMINI_PROBLEMS, 'gemini-not-configured'] as const;
const OF_ONE = [...EVERY, 'webhook-not-found'] as const;
const OF_BODY = ['body-too-large', 'unsupported-media-type', 'invalid-body'] as const;
const OF_SECRETS = ['webhook-busy', 'vault-not-configured', 'vault-unavailable'] as const;

/** By the name of the controller's method. */
export const WEBHOOK_DESCRIPTIONS: Readonly<
  Record<keyof WebhookController, Description>
> = {
  list: {
    operationId: 'listWebhooks',
    summary: "The project's static webhooks, by page",
    parameters: queryParameters(PAGE_QUERY),
    answers: {
      200: jsonAnswer('A page of webhooks', reference('WebhookPage'), {
        webhooks: [EXAMPLE],
      }),
    },
    problems: [...EVERY, 'invalid-query'],
  },
  get: {
    operationId: 'getWebhook',
    summary: 'A webhook',
    parameters: [ID],
    answers: { 200: WEBHOOK },
    problems: OF_ONE,
  },
  create: {
    operationId: 'createWebhook',
    summary: 'Registers a webhook',
    description:
      'Its secret is sealed in the vault before the answer, and is in no answer.',
    requestBody: body('NewWebhookOrder', NEW_WEBHOOK),
    answers: {
      201: {
        ...jsonAnswer('It is registered', reference('Webhook'), EXAMPLE),
        headers: {
          Location: {
            description: 'Where the webhook is',
            required: true,
            schema: { type: 'string', format: 'uri-reference' },
          },
        },
      },
    },
    problems: [...EVERY, ...OF_BODY, ...OF_SECRETS, 'webhook-exists'],
  },
  update: {
    operationId: 'updateWebhook',
    summary: 'Changes a webhook',
    description: 'A declared webhook is set back to what was declared.',
    parameters: [ID],
    requestBody: body('WebhookChangeOrder', WEBHOOK_CHANGE),
    answers: { 200: WEBHOOK },
    problems: [...OF_ONE, ...OF_BODY],
  },
  delete: {
    operationId: 'deleteWebhook',
    summary: 'Deletes a webhook',
    description: 'A declared webhook is registered again.',
    parameters: [ID],
    answers: { 204: { description: 'It is deleted' } },
    problems: [...OF_ONE, 'vault-unavailable'],
  },
  rotate: {
    operationId: 'rotateWebhook',
    summary: 'Has Gemini issue another secret of a webhook',
    description:
      'It is sealed in the vault before the answer, and every replica verifies with it.',
    parameters: [ID],
    requestBody: { ...body('RotationOrder', ROTATION), required: false },
    answers: { 200: WEBHOOK },
    problems: [...OF_ONE, ...OF_BODY, ...OF_SECRETS, 'rotation-under-way'],
  },
  ping: {
    operationId: 'pingWebhook',
    summary: 'Has Gemini send a ping',
    parameters: [ID],
    answers: {
      202: {
        description: 'Gemini sends it in its own time',
        content: {
          'application/json': {
            schema: { type: 'object', properties: { status: { const: 'accepted' } } },
            example: { status: 'accepted' },
          },
        },
      },
    },
    problems: OF_ONE,
  },
};

function body(name: `${string}Order`, schema: z.ZodType): Body {
  const [example] = (schema.meta()?.['examples'] ?? []) as unknown[];
  return {
    required: true,
    content: { 'application/json': { schema: reference(name), example } },
  };
}
