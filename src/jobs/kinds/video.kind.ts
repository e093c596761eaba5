import { z } from 'zod';
import { jobError } from '../job.js';
import { fileContent, fileUri } from './file-content.js';
import { nextToken, UNREADABLE_ENTRY, type JobKind } from '../job-kind.js';
import { modelName } from './order-fields.js';

const order = z
  .strictObject({
    model: modelName,
    instances: z
      .array(z.looseObject({ prompt: z.string().optional() }))
      .min(1)
      .max(10)
      .describe('Instances of `predictLongRunning`; the bridge passes them on'),
    parameters: z
      .looseObject({})
      .optional()
      .describe('Parameters of `predictLongRunning`; the bridge passes them on'),
  })
  .meta({
    description: 'A video to generate',
    examples: [
      {
        model: 'veo-3.0-generate-001',
        instances: [{ prompt: 'A cat on a skateboard' }],
        correlationId: 'order-4714',
      },
    ],
  });

type VideoOrder = z.output<typeof order>;

const STATUS_FIELDS =
  'name,done,error,response.generateVideoResponse.generatedSamples.video.uri';
const LIST_FIELDS = 'operations.name,operations.metadata,nextPageToken';
const NAME = /^models\/[A-Za-z0-9._-]{1,128}\/operations\/[A-Za-z0-9_-]{1,128}$/;

/** `CANCELLED` of google.rpc.Code. */
const CANCELLED = 1;

const operation = z.object({
  name: z.string().optional(),
  done: z.boolean().default(false),
  error: z
    .object({ code: z.number().optional(), message: z.string().optional() })
    .optional(),
  response: z
    .object({
      generateVideoResponse: z
        .object({
          generatedSamples: z
            .array(z.object({ video: z.object({ uri: fileUri }).optional() }))
            .default([]),
        })
        .optional(),
    })
    .optional(),
});

/** Assumption (docs/assumptions.md): a listed operation may repeat its webhook's configuration. */
const listed = z
  .object({
    name: z.string().regex(NAME),
    metadata: z
      .looseObject({
        createTime: z.string().optional(),
        webhookConfig: z
          .object({ userMetadata: z.looseObject({ bridge_job_id: z.string() }) })
          .optional()
          .catch(undefined),
      })
      .default({}),
  })
  .transform(({ name, metadata: { createTime = '', webhookConfig } }) => ({
    name,
    jobId: webhookConfig?.userMetadata.bridge_job_id,
    isIdentified: webhookConfig !== undefined,
    at: Date.parse(createTime),
  }))
  .catch(UNREADABLE_ENTRY);

const page = z.object({
  operations: z.array(listed).default([]),
  nextPageToken: nextToken,
});

/** A generated video. Gemini sends no event for one that fails: only a poll shows it. */
export const videoKind: JobKind<VideoOrder> = {
  name: 'video',
  collection: 'videos',
  announcedBy: 'job',
  order,
  events: { succeeded: 'video.generated' },

  submission: ({ model, instances, parameters }, { webhook }) => ({
    method: 'POST',
    path: `models/${model}:predictLongRunning`,
    body: {
      instances,
      ...(parameters && { parameters }),
      webhookConfig: webhook,
    },
  }),
  isName: (name) => NAME.test(name),
  parseName(answer) {
    const parsed = z.object({ name: z.string().regex(NAME) }).safeParse(answer);
    return parsed.success ? parsed.data.name : undefined;
  },
  statusRequest: (name) => ({
    method: 'GET',
    path: name,
    query: { fields: STATUS_FIELDS },
  }),
  parseStatus(answer) {
    const { done, error, response } = operation.parse(answer);
    if (!done) return { state: 'running' };
    if (error) {
      const state = error.code === CANCELLED ? 'cancelled' : 'failed';
      return { state, error: jobError(error) };
    }
    const samples = response?.generateVideoResponse?.generatedSamples ?? [];
    const uri = samples[0]?.video?.uri;
    return {
      state: 'succeeded',
      ...(uri === undefined ? {} : { outputFile: uri, data: { output_file_uri: uri } }),
    };
  },
  cancellation: (name) => ({ method: 'POST', path: `${name}:cancel`, body: {} }),
  result: (_name, outputFile) => fileContent(outputFile ?? ''),
  listing: {
    isByModel: true,
    isEmptyConclusive: false,
    pageRequest: (model, pageToken) => ({
      method: 'GET',
      path: `models/${model}/operations`,
      query: {
        pageSize: '100',
        fields: LIST_FIELDS,
        ...(pageToken === undefined ? {} : { pageToken }),
      },
    }),
    parsePage(answer) {
      const { operations: jobs, nextPageToken } = page.parse(answer);
      return { jobs, nextPageToken };
    },
  },
};
