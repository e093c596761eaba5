import { z } from 'zod';
import { jobsTopic, type Milestone } from '../../events/event-topics.js';
import type { Operation } from '../../internal-api/auth/protect.js';
import { BODIES, takesFile } from './job-order.js';
import { METADATA, QUERY } from './job-query.js';
import { IDEMPOTENCY_KEY, JobController } from './job.controller.js';
import type { JobKind } from '../job-kind.js';
import { JOB_KINDS } from '../job-kinds.js';
import { JOB, JOB_PAGE, SUBMITTED_JOB } from '../job-view.js';
import { JSONL } from '../submission/job.uploader.js';
import { without } from '../../infrastructure/json/json.js';
import {
  exampleOf,
  GEMINI_PROBLEMS,
  idParameter,
  jsonAnswer,
  queryParameters,
  type ApiDescription,
  type EventDescription,
  type OperationDescription,
} from '../../internal-api/openapi/api-description.js';
import type {
  Answer,
  Body,
  Parameter,
} from '../../internal-api/openapi/openapi-objects.js';
import {
  reference,
  schemaOf,
  type Schema,
} from '../../internal-api/openapi/json-schema.js';

const SUBMIT = 'Submit';
const JOBS = 'Jobs';

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

const ENDED_JOB_EXAMPLE = {
  ...JOB_EXAMPLE,
  state: 'succeeded',
  updatedAt: '2026-11-24T05:12:31.120Z',
  endedAt: '2026-11-24T05:12:31.120Z',
  lastEvent: {
    type: 'batch.succeeded',
    webhookId: 'msg_d54bd616-28d7-4277-bcfe-80db44d29718',
    at: '2026-11-24T05:12:31.120Z',
  },
};

const UNKNOWN_JOB_EXAMPLE = {
  ...without(JOB_EXAMPLE, 'geminiName'),
  state: 'unknown',
  error: { code: 'outcome-unknown', message: 'Gemini did not answer' },
};

const ID = idParameter(
  'Id of the job, from the answer to its submission',
  JOB_EXAMPLE.id,
);

/** Descriptions by method of the controller. A submission has one for each kind. */
const OPERATIONS: Readonly<
  Record<Exclude<keyof JobController, 'submit'>, OperationDescription>
> = {
  list: {
    operationId: 'listJobs',
    tags: [JOBS],
    summary: 'List jobs, newest first',
    description:
      'Without filters it lists all jobs. A page with filters may have fewer jobs than `limit` although more follow: continue while there is a `nextCursor`.',
    parameters: [...queryParameters(QUERY), metadataFilter()],
    answers: {
      200: jsonAnswer('A page of jobs', 'JobPage', {
        jobs: [ENDED_JOB_EXAMPLE],
        nextCursor: ENDED_JOB_EXAMPLE.id,
      }),
    },
    problems: ['invalid-query', 'registry-unavailable'],
  },
  find: {
    operationId: 'getJob',
    tags: [JOBS],
    summary: 'Get a job',
    description:
      '`state` shows how far it is, and `lastEvent` the event that the bridge published to Kafka.',
    parameters: [ID],
    answers: { 200: jsonAnswer('The job', 'Job', ENDED_JOB_EXAMPLE) },
    problems: ['malformed', 'job-not-found', 'registry-unavailable'],
  },
  cancel: {
    operationId: 'cancelJob',
    tags: [JOBS],
    summary: 'Cancel a job',
    description:
      'Asks Gemini to cancel the job. Its end arrives on Kafka like any other.',
    parameters: [ID],
    answers: {
      202: jsonAnswer('Gemini was asked to cancel the job', 'Job', JOB_EXAMPLE),
    },
    problems: [
      'malformed',
      'job-not-found',
      'job-over',
      'job-unsettled',
      ...GEMINI_PROBLEMS,
      'registry-unavailable',
    ],
  },
  result: {
    operationId: 'getResult',
    tags: [JOBS],
    summary: 'Get the result of a job',
    description:
      "Streams the output file (JSONL, or a video), or Gemini's answer with inline results, from Gemini.",
    parameters: [
      ID,
      {
        name: 'Range',
        in: 'header',
        description: 'Part of a file: `bytes=0-1023` (RFC 9110)',
        schema: { type: 'string' },
      },
    ],
    answers: {
      200: { description: 'The whole result', content: { '*/*': {} } },
      206: {
        description: 'The part that `Range` selects',
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
      ...GEMINI_PROBLEMS,
      'registry-unavailable',
    ],
  },
};

const MILESTONES: Readonly<
  Record<
    Milestone,
    { readonly summary: string; readonly job: { readonly updatedAt: string } }
  >
> = {
  submitted: { summary: 'Gemini has accepted a job', job: JOB_EXAMPLE },
  unknown: {
    summary: 'Gemini has not confirmed the submission of a job',
    job: UNKNOWN_JOB_EXAMPLE,
  },
  ended: { summary: 'A job has ended', job: ENDED_JOB_EXAMPLE },
};

const MILESTONE_NAMES = Object.keys(MILESTONES) as Milestone[];

/** Jobs in the OpenAPI document. */
export const JOB_API: ApiDescription = {
  tags: [
    { name: SUBMIT, description: 'Submit jobs to Gemini' },
    { name: JOBS, description: 'Follow submitted jobs, read their results, cancel them' },
  ],
  controller: JobController,
  describe: describeOperation,
  requests: Object.fromEntries(
    Array.from(BODIES, ([kind, body]) => [orderName(kind), body]),
  ),
  answers: {
    Job: JOB,
    SubmittedJob: SUBMITTED_JOB,
    JobPage: JOB_PAGE,
    ...Object.fromEntries(
      MILESTONE_NAMES.map((milestone) => [
        milestoneName(milestone),
        milestoneSchema(milestone),
      ]),
    ),
  },
  events: Object.fromEntries(
    MILESTONE_NAMES.map((milestone) => [
      milestoneType(milestone),
      describeMilestone(milestone),
    ]),
  ),
};

function describeOperation({
  handler,
  path,
}: Operation): OperationDescription | undefined {
  const kind = JOB_KINDS.find(({ collection }) => path === `/v1/${collection}`);
  return kind ? describeSubmission(kind) : OPERATIONS[handler as keyof typeof OPERATIONS];
}

function describeSubmission(kind: JobKind): OperationDescription {
  const { description = kind.name } = kind.order.meta() ?? {};
  const hasFile = takesFile(kind);
  return {
    operationId: `submit${orderName(kind).replace(/Order$/, '')}`,
    tags: [SUBMIT],
    summary: `Submit ${description[0]?.toLowerCase()}${description.slice(1)}`,
    description: [
      'Gemini has accepted the job when the answer is 202. Its event arrives on Kafka.',
      ...(kind.announcedBy === 'static'
        ? [
            'Gemini delivers its event to a static webhook only: the project needs one for `batch.*`.',
          ]
        : []),
      ...(hasFile
        ? [
            `The body is JSON with either \`requests\` or \`file\`. Or it is the requests themselves as \`${JSONL}\`, up to 2 GiB: the other members are then in the query.`,
          ]
        : []),
    ].join('\n\n'),
    parameters: [
      {
        name: 'Idempotency-Key',
        in: 'header',
        description:
          'Makes a repeat safe: the same submission with the same key returns the same job. 1 to 255 visible ASCII characters, unique for each submission of a caller',
        schema: { type: 'string', pattern: IDEMPOTENCY_KEY.source },
      },
      ...(hasFile ? uploadParameters(kind) : []),
    ],
    requestBody: submissionBody(kind, hasFile),
    answers: { 202: submissionAnswer(kind) },
    problems: [
      'malformed',
      'idempotency-key-malformed',
      ...(hasFile ? (['body-too-slow'] as const) : []),
      'submission-in-flight',
      'body-too-large',
      'unsupported-media-type',
      'invalid-body',
      'idempotency-key-reused',
      ...GEMINI_PROBLEMS,
      'gemini-outcome-unknown',
      'gemini-not-configured',
      'registry-unavailable',
      'overloaded',
    ],
  };
}

function submissionBody(kind: JobKind, hasFile: boolean): Body {
  const example = exampleOf(kind.order);
  return {
    required: true,
    content: {
      'application/json': { schema: reference(orderName(kind)), example },
      ...(hasFile && {
        [JSONL]: {
          schema: { type: 'string', minLength: 1 },
          example: jsonLines(example),
        },
      }),
    },
  };
}

/** The requests of an order as JSONL: one on each line. */
function jsonLines(order: unknown): string {
  const { requests } = order as { readonly requests: readonly object[] };
  return requests.map((request) => `${JSON.stringify(request)}\n`).join('');
}

function submissionAnswer({ name, announcedBy }: JobKind): Answer {
  const example = {
    ...without(JOB_EXAMPLE, 'metadata', 'model', 'attempts', 'geminiName', 'updatedAt'),
    kind: name,
    announcedBy,
  };
  return {
    ...jsonAnswer('Gemini has accepted the job', 'SubmittedJob', example),
    headers: {
      Location: {
        description: 'Path of the job',
        required: true,
        schema: { type: 'string', format: 'uri-reference' },
      },
      'Idempotency-Replayed': {
        description: 'Present if the job was submitted before with the same key',
        schema: { const: 'true' },
      },
    },
  };
}

/** Members of an order that are in the query when the requests are the body. */
function uploadParameters(kind: JobKind): Parameter[] {
  const { properties = {} } = schemaOf(BODIES.get(kind) as z.ZodType, 'input');
  const { model } = exampleOf(kind.order) as { readonly model?: string };
  return Object.entries(properties)
    .filter(([name]) => name !== 'requests' && name !== 'file')
    .map(([name, schema]) => ({
      name,
      in: 'query',
      description: `Only with a body of \`${JSONL}\``,
      schema: name === 'metadata' ? jsonText(schema as Schema) : (schema as Schema),
      ...(name === 'model' && { example: model }),
    }));
}

/**
 * A string that contains JSON. It has no `contentMediaType`, because Swagger UI would show a button
 * to choose a file.
 */
function jsonText({ description = '' }: Schema): Schema {
  return {
    type: 'string',
    description: `JSON text, as \`{"tenant":"blue"}\`. ${description}`,
  };
}

function metadataFilter(): Parameter {
  return {
    name: 'metadata',
    in: 'query',
    description: `Filters \`${METADATA}<name>=<value>\`, as \`{"${METADATA}tenant": "blue"}\`: members that the metadata must have, with their values as text`,
    style: 'form',
    explode: true,
    schema: {
      type: 'object',
      propertyNames: { pattern: `^${METADATA.replace('.', '\\.')}` },
      additionalProperties: { type: 'string' },
    },
    example: {},
  };
}

function describeMilestone(milestone: Milestone): EventDescription {
  const type = milestoneType(milestone);
  const { summary, job } = MILESTONES[milestone];
  return {
    summary,
    topic: jobsTopic('gemini'),
    schema: milestoneName(milestone),
    example: { type, version: 'v1', timestamp: job.updatedAt, data: job },
  };
}

function milestoneSchema(milestone: Milestone): z.ZodType {
  return z.object({
    type: z.literal(milestoneType(milestone)),
    version: z.literal('v1'),
    timestamp: z.iso.datetime(),
    data: JOB,
  });
}

function milestoneType(milestone: Milestone): string {
  return `gemini.job.${milestone}`;
}

/** `ended` is `JobEndedEvent`. */
function milestoneName(milestone: Milestone): string {
  return `Job${capitalized(milestone)}Event`;
}

/** `embedding-batch` is `EmbeddingBatchOrder`. */
function orderName({ name }: JobKind): string {
  return `${name.split('-').map(capitalized).join('')}Order`;
}

function capitalized(word: string): string {
  return `${word[0]?.toUpperCase()}${word.slice(1)}`;
}
