import type { z } from 'zod';
import { WebhookController } from './webhook.controller.js';
import { NEW_WEBHOOK, PAGE_QUERY, ROTATION, WEBHOOK_CHANGE } from './webhook-order.js';
import { WEBHOOK, WEBHOOK_PAGE } from '../webhook-view.js';
import {
  exampleOf,
  GEMINI_PROBLEMS,
  idParameter,
  jsonAnswer,
  queryParameters,
  type ApiDescription,
  type OperationDescription,
} from '../../internal-api/openapi/api-description.js';
import type { Body } from '../../internal-api/openapi/openapi-objects.js';
import { reference } from '../../internal-api/openapi/json-schema.js';

const TAG = 'Webhooks';

const EXAMPLE = {
  id: 'k3v9x2m7q1w8e5r4t6y0u2i9o8p7a6s5d4f3',
  name: 'main [gemini-kafka-bridge/bridge.example]',
  uri: 'https://bridge.example/webhooks/gemini',
  subscribedEvents: ['batch.succeeded', 'batch.failed'],
  state: 'enabled',
  secrets: [{ truncated: 'whsec_...Yw==', keyId: '1f0c2ab9' }],
};

const ID = idParameter('Id of the webhook at Gemini', EXAMPLE.id);
const ANSWER = jsonAnswer('The webhook', 'Webhook', EXAMPLE);

const PROBLEMS = ['malformed', ...GEMINI_PROBLEMS, 'gemini-not-configured'] as const;
const ID_PROBLEMS = [...PROBLEMS, 'webhook-not-found'] as const;
const BODY_PROBLEMS = [
  'body-too-large',
  'unsupported-media-type',
  'invalid-body',
] as const;
const SECRET_PROBLEMS = [
  'webhook-busy',
  'vault-not-configured',
  'vault-unavailable',
] as const;

/** Descriptions by method of the controller. */
const OPERATIONS: Readonly<Record<keyof WebhookController, OperationDescription>> = {
  list: {
    operationId: 'listWebhooks',
    tags: [TAG],
    summary: 'List static webhooks',
    parameters: queryParameters(PAGE_QUERY),
    answers: {
      200: jsonAnswer('A page of webhooks', 'WebhookPage', { webhooks: [EXAMPLE] }),
    },
    problems: [...PROBLEMS, 'invalid-query'],
  },
  get: {
    operationId: 'getWebhook',
    tags: [TAG],
    summary: 'Get a static webhook',
    parameters: [ID],
    answers: { 200: ANSWER },
    problems: ID_PROBLEMS,
  },
  create: {
    operationId: 'createWebhook',
    tags: [TAG],
    summary: 'Create a static webhook',
    description:
      'The bridge stores its secret encrypted before it answers. No answer contains a secret.',
    requestBody: bodyOf('NewWebhookOrder', NEW_WEBHOOK),
    answers: {
      201: {
        ...jsonAnswer('The webhook is registered at Gemini', 'Webhook', EXAMPLE),
        headers: {
          Location: {
            description: 'Path of the webhook',
            required: true,
            schema: { type: 'string', format: 'uri-reference' },
          },
        },
      },
    },
    problems: [...PROBLEMS, ...BODY_PROBLEMS, ...SECRET_PROBLEMS, 'webhook-exists'],
  },
  update: {
    operationId: 'updateWebhook',
    tags: [TAG],
    summary: 'Change a static webhook',
    description: 'The bridge sets a webhook of `WEBHOOKS` back to its declaration.',
    parameters: [ID],
    requestBody: bodyOf('WebhookChangeOrder', WEBHOOK_CHANGE),
    answers: { 200: ANSWER },
    problems: [...ID_PROBLEMS, ...BODY_PROBLEMS],
  },
  delete: {
    operationId: 'deleteWebhook',
    tags: [TAG],
    summary: 'Delete a static webhook',
    description: 'The bridge registers a webhook of `WEBHOOKS` again.',
    parameters: [ID],
    answers: { 204: { description: 'The webhook is deleted' } },
    problems: [...ID_PROBLEMS, 'vault-unavailable'],
  },
  rotate: {
    operationId: 'rotateWebhook',
    tags: [TAG],
    summary: 'Issue a new secret of a static webhook',
    description:
      'The bridge stores it encrypted before it answers, and every replica verifies with it.',
    parameters: [ID],
    requestBody: { ...bodyOf('RotationOrder', ROTATION), required: false },
    answers: { 200: ANSWER },
    problems: [
      ...ID_PROBLEMS,
      ...BODY_PROBLEMS,
      ...SECRET_PROBLEMS,
      'rotation-under-way',
    ],
  },
  ping: {
    operationId: 'pingWebhook',
    tags: [TAG],
    summary: 'Test a static webhook with a ping',
    description: 'Gemini delivers the ping to the bridge later.',
    parameters: [ID],
    answers: {
      202: {
        description: 'Gemini was asked to send a ping',
        content: {
          'application/json': {
            schema: {
              type: 'object',
              properties: { status: { const: 'accepted' } },
              required: ['status'],
            },
            example: { status: 'accepted' },
          },
        },
      },
    },
    problems: ID_PROBLEMS,
  },
};

/** Static webhooks in the OpenAPI document. */
export const WEBHOOK_API: ApiDescription = {
  tags: [{ name: TAG, description: 'Manage the static webhooks of the Gemini project' }],
  controller: WebhookController,
  describe: ({ handler }) => OPERATIONS[handler as keyof typeof OPERATIONS],
  requests: {
    NewWebhookOrder: NEW_WEBHOOK,
    WebhookChangeOrder: WEBHOOK_CHANGE,
    RotationOrder: ROTATION,
  },
  answers: { Webhook: WEBHOOK, WebhookPage: WEBHOOK_PAGE },
  events: {},
};

function bodyOf(name: string, schema: z.ZodType): Body {
  const content = { schema: reference(name), example: exampleOf(schema) };
  return { required: true, content: { 'application/json': content } };
}
