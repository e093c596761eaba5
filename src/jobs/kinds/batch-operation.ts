import { z } from 'zod';
import type { GeminiRequest } from '../../gemini/gemini-request.js';
import { jobError, type JobState } from '../job.js';
import { jobIdIn } from './display-name.js';
import { fileContent, fileUri } from './file-content.js';
import {
  nextToken,
  UNREADABLE_ENTRY,
  type JobKind,
  type Listing,
  type JobSnapshot,
} from '../job-kind.js';

const STATUS_FIELDS = [
  'name',
  'error',
  'metadata.displayName',
  'metadata.state',
  'metadata.updateTime',
  'metadata.endTime',
  'metadata.batchStats',
  'metadata.output.responsesFile',
].join(',');

const LIST_FIELDS =
  'operations.name,operations.metadata.displayName,operations.metadata.createTime,nextPageToken';
const PAGE_SIZE = 100;

const STATES: Readonly<Record<string, JobState>> = {
  BATCH_STATE_PENDING: 'submitted',
  BATCH_STATE_RUNNING: 'running',
  BATCH_STATE_SUCCEEDED: 'succeeded',
  BATCH_STATE_FAILED: 'failed',
  BATCH_STATE_CANCELLED: 'cancelled',
  BATCH_STATE_EXPIRED: 'expired',
};

const EVENTS: Readonly<Partial<Record<JobState, string>>> = {
  succeeded: 'batch.succeeded',
  failed: 'batch.failed',
  cancelled: 'batch.cancelled',
  expired: 'batch.expired',
};

/** Gemini writes int64 counts as text. */
const count = z.coerce.number().int().nonnegative().optional().catch(undefined);

const operation = z.object({
  name: z.string().optional(),
  error: z
    .object({
      code: z.union([z.number(), z.string()]).optional(),
      message: z.string().optional(),
    })
    .optional(),
  metadata: z.object({
    displayName: z.string().optional(),
    state: z.string().optional(),
    updateTime: z.string().optional(),
    endTime: z.string().optional(),
    batchStats: z
      .object({
        requestCount: count,
        successfulRequestCount: count,
        failedRequestCount: count,
        pendingRequestCount: count,
      })
      .optional(),
    output: z.object({ responsesFile: fileUri }).optional(),
  }),
});

const listed = z
  .object({
    name: z.string().refine(isName),
    metadata: z.object({
      displayName: z.string().optional(),
      createTime: z.string().optional(),
    }),
  })
  .transform(({ name, metadata: { displayName, createTime = '' } }) => ({
    name,
    jobId: jobIdIn(displayName),
    isIdentified: true,
    at: Date.parse(createTime),
  }))
  .catch(UNREADABLE_ENTRY);

const page = z.object({
  operations: z.array(listed).default([]),
  nextPageToken: nextToken,
});

function parseName(answer: unknown): string | undefined {
  const parsed = z.object({ name: z.string() }).safeParse(answer);
  return parsed.success && isName(parsed.data.name) ? parsed.data.name : undefined;
}

function statusRequest(name: string): GeminiRequest {
  return { method: 'GET', path: name, query: { fields: STATUS_FIELDS } };
}

function parseStatus(answer: unknown): JobSnapshot {
  const { error, metadata } = operation.parse(answer);
  const { displayName, state = '', updateTime, endTime, batchStats, output } = metadata;
  const outputFile = output?.responsesFile;
  const fault = error && jobError(error);
  const jobId = jobIdIn(displayName);
  return defined<JobSnapshot>({
    state: STATES[state],
    at: endTime ?? updateTime,
    progress:
      batchStats &&
      defined({
        total: batchStats.requestCount,
        succeeded: batchStats.successfulRequestCount,
        failed: batchStats.failedRequestCount,
        pending: batchStats.pendingRequestCount,
      }),
    outputFile,
    error: fault,
    data: defined({
      output_file_uri: outputFile,
      error_code: error?.code,
      error_message: fault?.message,
    }),
    jobId,
  });
}

function cancellation(name: string): GeminiRequest {
  return { method: 'POST', path: `${name}:cancel`, body: {} };
}

/** Inline responses are in the operation twice, so the field mask selects one of them. */
function result(name: string, outputFile: string | undefined): GeminiRequest | undefined {
  return outputFile === undefined
    ? { method: 'GET', path: name, query: { fields: 'response' } }
    : fileContent(outputFile);
}

const LISTING: Listing = {
  isByModel: false,
  isEmptyConclusive: true,
  pageRequest: (_model, pageToken) => ({
    method: 'GET',
    path: 'batches',
    query: {
      pageSize: String(PAGE_SIZE),
      fields: LIST_FIELDS,
      ...(pageToken === undefined ? {} : { pageToken }),
    },
  }),
  parsePage(answer) {
    const { operations: jobs, nextPageToken } = page.parse(answer);
    return { jobs, nextPageToken };
  },
};

/** Batches and embedding batches are the same operation at Gemini: their common part. */
export const BATCH_OPERATION = {
  events: EVENTS,
  parseName,
  isName,
  statusRequest,
  parseStatus,
  cancellation,
  result,
  listing: LISTING,
} satisfies Partial<JobKind>;

function isName(name: string): boolean {
  return /^batches\/[A-Za-z0-9_-]{1,128}$/.test(name);
}

function defined<T extends object>(members: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== undefined),
  ) as T;
}
