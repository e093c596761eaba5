import { IDEMPOTENCY_KEY, type JobController } from '../jobs/api/job.controller.js';
import { takesFile } from '../jobs/api/job-order.js';
import { METADATA, QUERY } from '../jobs/api/job-query.js';
import { JSONL } from '../jobs/submission/job.uploader.js';
import type { JobKind } from '../jobs/job-kind.js';
import { without } from '../infrastructure/json/json.js';
import {
  GEMINI_PROBLEMS as GEMINI,
  idParameter,
  jsonAnswer,
  queryParameters,
  type Description,
} from './description.js';
import type { Answer, Parameter } from './openapi-objects.js';
import { componentSchemas, orderName, reference, type Schema } from './schemas.js';

const JOB_EXAMPLE = {
  id: '019f9b03-63a8-7c35-a2a2-2b6c6f6d2d3a',
  kind: 'batch',
  state: 'submitted',
  correlationId: 'order-4711',
  metadata: { tenant: 'blue' },
  announcedBy: 'job',
  model: 'gemini-2.5-flash',
  attempts: 1,
  geminiName: 'batches/tybwxqhz4r6ebk8xddto9hc2ixffld8wisdz',
  createdAt: '2026-11-24T03:49:03.545Z',
  updatedAt: '2026-11-24T03:49:03.702Z',
};

const ID = idParameter(JOB_EXAMPLE.id);

const JOB_ANSWER = jsonAnswer('The job', reference('Job'), JOB_EXAMPLE);

/** By the name of the controller's method; a submission is described for each kind. */
export const DESCRIPTIONS: Readonly<
  Record<Exclude<keyof JobController, 'submit'>, Description>
> = {
  list: {
    operationId: 'listJobs',
    summary: 'Jobs, newest first, by page',
    description:
      'All filters are optional. With filters a page may hold fewer jobs than `limit` although more follow.',
    parameters: [...listParameters()],
    answers: {
      200: jsonAnswer('A page of jobs', reference('JobPage'), {
        jobs: [JOB_EXAMPLE],
        nextCursor: JOB_EXAMPLE.id,
      }),
    },
    problems: ['invalid-query', 'registry-unavailable'],
  },
  find: {
    operationId: 'getJob',
    summary: 'A job',
    parameters: [ID],
    answers: { 200: JOB_ANSWER },
    problems: ['malformed', 'job-not-found', 'registry-unavailable'],
  },
  cancel: {
    operationId: 'cancelJob',
    summary: 'Asks Gemini to cancel a job',
    description: 'That it is cancelled is told like any other end.',
    parameters: [ID],
    answers: { 202: { ...JOB_ANSWER, description: 'Gemini was asked' } },
    problems: [
      'malformed',
      'job-not-found',
      'job-over',
      'job-unsettled',
      ...GEMINI,
      'registry-unavailable',
    ],
  },
  result: {
    operationId: 'getResult',
    summary: 'What came of a job, as Gemini has it',
    description:
      "The output file (JSONL, or the video), or Gemini's answer that holds the results.",
    parameters: [
      ID,
      {
        name: 'Range',
        in: 'header',
        description: 'Of the bytes of a file, as RFC 9110 has it',
        schema: { type: 'string' },
        example: 'bytes=0-1023',
      },
    ],
    answers: {
      200: { description: 'All of it', content: { '*/*': {} } },
      206: {
        description: 'The part that was asked for',
        headers: { 'Content-Range': { required: true, schema: { type: 'string' } } },
        content: { '*/*': {} },
      },
    },
    problems: [
      'malformed',
      'job-not-found',
      'no-result',
      'job-not-over',
      'result-elsewhere',
      'range-not-satisfiable',
      ...GEMINI,
      'registry-unavailable',
    ],
  },
};

export function submission(kind: JobKind): Description {
  const { description = kind.name, examples = [] } = kind.order.meta() ?? {};
  const name = orderName(kind);
  const [example] = examples as unknown[];
  const json = { schema: reference(name), example };
  const ofFile = takesFile(kind);
  return {
    operationId: `submit${name.replace(/Order$/, '')}`,
    summary: description,
    description: [
      '202: Gemini has taken the job, and its outcome will be on Kafka.',
      ...(ofFile
        ? [
            'Either `requests` or `file` is given; or the requests are the body, as JSONL, and the other members are in the query.',
          ]
        : []),
    ].join(' '),
    parameters: [
      {
        name: 'Idempotency-Key',
        in: 'header',
        description: "The same submission is done once under one key, the caller's own",
        schema: { type: 'string', pattern: IDEMPOTENCY_KEY.source },
      },
      ...(ofFile ? orderParameters(kind) : []),
    ],
    requestBody: {
      required: true,
      content: {
        'application/json': json,
        ...(ofFile && {
          [JSONL]: {
            schema: { type: 'string', minLength: 1 },
            example: '{"key":"q1","request":{}}\n',
          },
        }),
      },
    },
    answers: { 202: submitted(kind) },
    problems: [
      'malformed',
      'idempotency-key-malformed',
      ...(ofFile ? (['body-too-slow'] as const) : []),
      'submission-in-flight',
      'body-too-large',
      'unsupported-media-type',
      'invalid-body',
      'idempotency-key-reused',
      ...GEMINI,
      'gemini-outcome-unknown',
      'gemini-not-configured',
      'registry-unavailable',
      'overloaded',
    ],
  };
}

function submitted({ name, announcedBy }: JobKind): Answer {
  const example = {
    ...without(JOB_EXAMPLE, 'metadata', 'model', 'attempts', 'geminiName', 'updatedAt'),
    kind: name,
    announcedBy,
  };
  return {
    ...jsonAnswer('Gemini has taken the job', reference('SubmittedJob'), example),
    headers: {
      Location: {
        description: 'Where the job is',
        required: true,
        schema: { type: 'string', format: 'uri-reference' },
      },
      'Idempotency-Replayed': {
        description: 'The job was submitted before, by the same key',
        schema: { const: 'true' },
      },
    },
  };
}

/** What stands beside requests that are the body. */
function orderParameters(kind: JobKind): Parameter[] {
  const { properties = {} } = componentSchemas()[orderName(kind)] as Schema;
  return Object.entries(properties)
    .filter(([name]) => name !== 'requests' && name !== 'file')
    .map(([name, schema]) => ({
      name,
      in: 'query',
      description: `With a body of \`${JSONL}\` only`,
      schema: name === 'metadata' ? jsonText(schema as Schema) : (schema as Schema),
    }));
}

/** A string that holds JSON. */
function jsonText({ description, ...contentSchema }: Schema): Schema {
  return {
    type: 'string',
    contentMediaType: 'application/json',
    contentSchema,
    ...(description !== undefined && { description }),
  };
}

function listParameters(): Parameter[] {
  const named = queryParameters(QUERY);
  const filter: Parameter = {
    name: 'metadata',
    in: 'query',
    description: `\`${METADATA}<name>=<value>\`: members that the metadata must have, as text`,
    style: 'form',
    explode: true,
    schema: {
      type: 'object',
      propertyNames: { pattern: `^${METADATA.replace('.', '\\.')}` },
      additionalProperties: { type: 'string' },
    },
  };
  return [...named, filter];
}
