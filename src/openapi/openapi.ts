import { RequestMethod, type Type } from '@nestjs/common';
import { operationsOf, type Operation } from '../internal-api/auth/protect.js';
import { JobController } from '../jobs/api/job.controller.js';
import { JOB_KINDS } from '../jobs/job-kinds.js';
import type { ProblemCode } from '../internal-api/problems/problem-codes.js';
import { VERSION } from '../infrastructure/process/version.js';
import type { Description } from './description.js';
import { DESCRIPTIONS, submission } from './job-operations.js';
import { WebhookController } from '../webhooks/api/webhook.controller.js';
import { problemAnswers } from './problem-answers.js';
import { componentSchemas } from './schemas.js';
import { WEBHOOK_DESCRIPTIONS } from './webhook-operations.js';

/** What every operation can refuse with. */
const EVERYWHERE: readonly ProblemCode[] = [
  'unauthenticated',
  'scope-missing',
  'rate-limited',
  'identity-provider-unavailable',
  'internal',
];

/** Who has operations, and what describes them. */
const CONTROLLERS: readonly [Type, Readonly<Record<string, Description>>][] = [
  [JobController, DESCRIPTIONS],
  [WebhookController, WEBHOOK_DESCRIPTIONS],
];

/**
 * The internal API as an OpenAPI document, of what the router and the validation use
 * themselves: paths, methods and scopes of the controller, bodies and query of their schemas.
 *
 * @throws {Error} for an operation that is not described.
 */
export function openApi(): object {
  return {
    openapi: '3.1.0',
    info: {
      title: 'gemini-kafka-bridge',
      version: VERSION,
      description:
        'Submits jobs to Gemini whose outcome comes to Kafka, and tells of them. For services inside the cluster.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths: paths(),
    components: {
      schemas: componentSchemas(),
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'A token of `API_TOKENS_FILE`, or of the OIDC issuer',
        },
      },
    },
  };
}

function paths(): object {
  const found: Record<string, Record<string, object>> = {};
  for (const [controller, descriptions] of CONTROLLERS) {
    for (const operation of operationsOf(controller)) {
      const path = operation.path.replace(/:(\w+)/g, '{$1}');
      const method = RequestMethod[operation.method].toLowerCase();
      const description = described(operation, descriptions);
      found[path] = { ...found[path], [method]: item(operation, description) };
    }
  }
  return found;
}

/** @throws {Error} for an operation that nothing describes. */
function described(
  { handler, path }: Operation,
  descriptions: Readonly<Record<string, Description>>,
): Description {
  const kind = JOB_KINDS.find(({ collection }) => path === `/v1/${collection}`);
  const description = kind ? submission(kind) : descriptions[handler];
  if (!description) throw new Error(`nothing describes ${handler} of ${path}`);
  return description;
}

function item({ scope }: Operation, description: Description): object {
  const { answers, problems, ...rest } = description;
  const needed = `Needs the scope \`${scope}\`.`;
  return {
    ...rest,
    description: [rest.description, needed].filter(Boolean).join(' '),
    security: [{ bearer: [scope] }],
    responses: { ...answers, ...problemAnswers([...problems, ...EVERYWHERE]) },
  };
}
