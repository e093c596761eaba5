import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RequestMethod } from '@nestjs/common';
import { operationsOf, type Operation } from '../access/protect.js';
import { JobController } from '../jobs/job.controller.js';
import { JOB_KINDS } from '../kinds/job-kinds.js';
import type { ProblemCode } from '../problem/problem-codes.js';
import { DESCRIPTIONS, submission, type Description } from './operations.js';
import { problemAnswers } from './problem-answers.js';
import { componentSchemas } from './schemas.js';

/** What every operation can refuse with. */
const EVERYWHERE: readonly ProblemCode[] = [
  'unauthenticated',
  'scope-missing',
  'rate-limited',
  'identity-provider-unavailable',
  'internal',
];

const PACKAGE = join(import.meta.dirname, '..', '..', 'package.json');

/**
 * The internal API as an OpenAPI document, of what the router and the validation use
 * themselves: paths, methods and scopes of the controller, bodies and query of their schemas.
 *
 * @throws {Error} for an operation that is not described.
 */
export function openApi(): object {
  const { version } = JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string };
  return {
    openapi: '3.1.0',
    info: {
      title: 'gemini-kafka-bridge',
      version,
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
  for (const operation of operationsOf(JobController)) {
    for (const [path, description] of described(operation)) {
      const method = RequestMethod[operation.method].toLowerCase();
      found[path] = { ...found[path], [method]: item(operation, description) };
    }
  }
  return found;
}

/** One for each kind, where the path has a place for it. */
function described({ handler, path }: Operation): [path: string, Description][] {
  if (path.includes(':collection')) {
    return JOB_KINDS.map((kind) => [
      path.replace(':collection', kind.collection),
      submission(kind),
    ]);
  }
  if (!isDescribed(handler)) throw new Error(`nothing describes ${handler} of ${path}`);
  return [[path.replace(/:(\w+)/g, '{$1}'), DESCRIPTIONS[handler]]];
}

function isDescribed(handler: string): handler is keyof typeof DESCRIPTIONS {
  return Object.hasOwn(DESCRIPTIONS, handler);
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
