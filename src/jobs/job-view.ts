import { z } from 'zod';
import { JOB_KINDS } from './job-kinds.js';
import { JOB_STATES, type Job } from './job.js';
import { without } from '../infrastructure/json/json.js';

/** What only the bridge needs. */
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

/** A job as callers see it. */
export function viewOf(job: Job): JobView {
  return without(job, ...INTERNAL);
}

const count = z.int().min(0).exactOptional();
const time = z.iso.datetime();

/** The compiler sees to it that these are the members of `JobView`, each of its type. */
const members = {
  id: z.uuid(),
  kind: z.enum(JOB_KINDS.map(({ name }) => name)),
  state: z.enum(JOB_STATES),
  correlationId: z.string(),
  metadata: z.record(z.string(), z.unknown()),
  announcedBy: z
    .enum(['job', 'static'])
    .describe("Whose webhook tells of its end: the job's own, or the project's"),
  model: z.string().exactOptional().describe('Without `models/`'),
  attempts: z.int().min(1).describe('Submissions tried'),
  geminiName: z.string().exactOptional().describe('Once Gemini has given it a name'),
  createdAt: time,
  updatedAt: time,
  endedAt: time.exactOptional(),
  progress: z
    .object({ total: count, succeeded: count, failed: count, pending: count })
    .exactOptional(),
  outputFile: z.string().exactOptional().describe('Where the results are in a file'),
  lastEvent: z
    .object({ type: z.string(), webhookId: z.string(), at: time })
    .exactOptional(),
  error: z
    .object({
      code: z.string(),
      message: z.string(),
      retryable: z
        .boolean()
        .exactOptional()
        .describe('Certainly not taken by Gemini, and worth another try as it is'),
    })
    .exactOptional()
    .describe('Why it failed, or could not be submitted'),
} satisfies { [Name in keyof JobView]-?: z.ZodType<JobView[Name]> };

/** What `viewOf` gives. */
export const JOB = z.object(members) satisfies z.ZodType<JobView>;

/** What the answer to a submission has of a job. */
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
