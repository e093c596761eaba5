import { z } from 'zod';
import { JOB_KINDS } from './job-kinds.js';
import { JOB_STATES, type Job } from './job.js';
import { without } from '../infrastructure/json/json.js';

/** Members that only the bridge needs. */
const INTERNAL = [
  'traceparent',
  'submission',
  'dueAt',
  'untold',
  'tellAt',
  'isInDoubt',
  'missingSince',
] as const satisfies (keyof Job)[];

export type JobView = Omit<Job, (typeof INTERNAL)[number]>;

/** The job as the API and `gemini.job.*` records show it. */
export function viewOf(job: Job): JobView {
  return without(job, ...INTERNAL);
}

const count = z.int().min(0).exactOptional();
const time = z.iso.datetime();

/** `satisfies` makes the compiler compare these with the members of `JobView`. */
const members = {
  id: z.uuid(),
  kind: z.enum(JOB_KINDS.map(({ name }) => name)),
  state: z.enum(JOB_STATES),
  correlationId: z.string(),
  metadata: z.record(z.string(), z.unknown()),
  announcedBy: z
    .enum(['job', 'static'])
    .describe(
      "The webhook that brings the job's event: its own, or the project's static one",
    ),
  model: z.string().exactOptional().describe('Without `models/`'),
  attempts: z.int().min(1).describe('Number of submissions'),
  geminiName: z
    .string()
    .exactOptional()
    .describe('Name at Gemini; absent until Gemini has given one'),
  createdAt: time,
  updatedAt: time,
  endedAt: time.exactOptional(),
  progress: z
    .object({ total: count, succeeded: count, failed: count, pending: count })
    .exactOptional(),
  outputFile: z
    .string()
    .exactOptional()
    .describe('File with the results; absent if they are not in a file'),
  lastEvent: z
    .object({
      type: z.string(),
      webhookId: z.string().describe('Header `webhook-id` of its record'),
      at: time,
    })
    .exactOptional()
    .describe('The last event of the job that is on Kafka'),
  reconciled: z
    .boolean()
    .exactOptional()
    .describe(
      'True if the bridge published `lastEvent` after a poll, because it had accepted no delivery of it',
    ),
  error: z
    .object({
      code: z
        .string()
        .describe(
          "Gemini's code, or of the bridge: `gemini-<status>`, `not-sent`, `outcome-unknown`, `not-taken`, `gone`",
        ),
      message: z.string(),
      retryable: z
        .boolean()
        .exactOptional()
        .describe('Gemini did not accept the job: it can be submitted again'),
    })
    .exactOptional()
    .describe('Reason of a failure, of the job or of its submission'),
} satisfies { [Name in keyof JobView]-?: z.ZodType<JobView[Name]> };

/** Schema of `viewOf`. */
export const JOB = z.object(members) satisfies z.ZodType<JobView>;

/** Schema of the answer to a submission. */
export const SUBMITTED_JOB = JOB.pick({
  id: true,
  kind: true,
  state: true,
  correlationId: true,
  geminiName: true,
  announcedBy: true,
  createdAt: true,
});

export const JOB_PAGE = z.object({
  jobs: z.array(JOB).describe('Newest first'),
  nextCursor: z
    .uuid()
    .exactOptional()
    .describe('`cursor` of the next page; absent at the end'),
});
