import { RequestMethod } from '@nestjs/common';
import { GEMINI_EVENTS, geminiEventName } from '../../events/event-schemas.js';
import { VERSION } from '../../infrastructure/process/version.js';
import { operationsOf, type Operation } from '../auth/protect.js';
import type { ProblemCode } from '../problems/problem-codes.js';
import { PROBLEM_DETAILS } from '../problems/problem-details.js';
import type { ApiDescription, OperationDescription } from './api-description.js';
import { eventWebhook, GEMINI_EVENT_DESCRIPTIONS } from './event-webhooks.js';
import type { Tag } from './openapi-objects.js';
import { problemAnswers } from './problem-answers.js';
import { componentsOf, type Schema } from './json-schema.js';

/** Problems of every operation. */
const COMMON_PROBLEMS: readonly ProblemCode[] = [
  'unauthenticated',
  'scope-missing',
  'rate-limited',
  'identity-provider-unavailable',
  'internal',
];

const INTRODUCTION = `Submits jobs to Gemini, and shows what became of them. The events of the jobs arrive on Kafka, with the submitter's correlation id and metadata.

1. **Authorize** with a token.
2. Submit a job: try **POST /v1/batches** with its example. The answer is 202 with the id of the job.
3. Follow it with **GET /v1/jobs/{id}**, or consume its event from Kafka: **Webhooks** below has the schema of each event.

All errors are problem details (RFC 9457). Programs decide by their \`code\`.`;

const AUTHORIZATION = `A token, without the word \`Bearer\`. The operator of the bridge has the tokens:

- They are in the file of \`API_TOKENS_FILE\`, one on each line. Enter the first word of a line. With the Helm chart: \`kubectl get secret <secret> -o jsonpath='{.data.api-tokens}' | base64 -d\`. With docker compose: \`docker compose exec bridge cat /keys/api-tokens\`.
- With \`API_OIDC_ISSUER\` an access token of that issuer for the audience \`API_OIDC_AUDIENCE\` works as well. For a service account of Kubernetes: \`kubectl create token <account> --audience=<audience>\`.

With \`API_AUTH=none\` no token is needed.`;

const EVENTS: Tag = {
  name: 'Events',
  description: 'Events on Kafka: those of Gemini, and those of the bridge about its jobs',
};

/**
 * The OpenAPI document of the internal API. Paths, methods and scopes come from the controllers,
 * and bodies and queries from the schemas that validate them.
 *
 * @throws {Error} for an operation without a description.
 */
export function openApiDocument(apis: readonly ApiDescription[]): object {
  return {
    openapi: '3.1.0',
    info: {
      title: 'gemini-kafka-bridge',
      version: VERSION,
      summary: 'The internal API of the bridge between Gemini and Kafka',
      description: INTRODUCTION,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: [...apis.flatMap(({ tags }) => tags), EVENTS],
    paths: pathsOf(apis),
    webhooks: webhooksOf(apis),
    components: {
      schemas: schemasOf(apis),
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: AUTHORIZATION },
      },
    },
  };
}

function pathsOf(apis: readonly ApiDescription[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const { controller, describe } of apis) {
    for (const operation of operationsOf(controller)) {
      const path = operation.path.replace(/:(\w+)/g, '{$1}');
      const method = RequestMethod[operation.method].toLowerCase();
      const description = describe(operation);
      if (!description) {
        const { handler } = operation;
        throw new Error(`${controller.name}.${handler} of ${path} has no description`);
      }
      paths[path] = { ...paths[path], [method]: pathItem(operation, description) };
    }
  }
  return paths;
}

function pathItem({ scope }: Operation, description: OperationDescription): object {
  const { answers, problems, ...rest } = description;
  const needed = `Needs the scope \`${scope}\`.`;
  return {
    ...rest,
    description: [rest.description, needed].filter(Boolean).join('\n\n'),
    security: [{ bearer: [scope] }],
    responses: { ...answers, ...problemAnswers([...problems, ...COMMON_PROBLEMS]) },
  };
}

function webhooksOf(apis: readonly ApiDescription[]): object {
  const events = Object.assign(
    {},
    GEMINI_EVENT_DESCRIPTIONS,
    ...apis.map((api) => api.events),
  );
  return Object.fromEntries(
    Object.entries(events as typeof GEMINI_EVENT_DESCRIPTIONS).map(([type, event]) => [
      type,
      eventWebhook(EVENTS.name, event),
    ]),
  );
}

function schemasOf(apis: readonly ApiDescription[]): Record<string, Schema> {
  const requests = Object.assign({}, ...apis.map((api) => api.requests));
  const answers = Object.assign({}, ...apis.map((api) => api.answers));
  const events = Object.entries(GEMINI_EVENTS).map(
    ([type, { schema }]) => [geminiEventName(type), schema] as const,
  );
  return {
    ...componentsOf(requests, 'input'),
    ...componentsOf(
      { ...answers, ...Object.fromEntries(events), Problem: PROBLEM_DETAILS },
      'output',
    ),
  };
}
