import { isUnnamed, type Job } from './job.js';

/** The Redis keys that tell of a job; all are written together. */
export interface JobKeys {
  readonly job: string;
  readonly name: string | undefined;
  readonly submission: string | undefined;
  /** Sorted sets that it is in, with its score. Where all scores are 0 the ids give the order. */
  readonly indexes: Readonly<Record<string, number>>;
}

export function keysOf(job: Job): JobKeys {
  const { id, kind, state, geminiName, submission, dueAt, endedAt } = job;
  return {
    job: `job:${id}`,
    name: geminiName === undefined ? undefined : `job-name:${geminiName}`,
    submission: submission && `job-submission:${submission.key}`,
    indexes: {
      'jobs:all': 0,
      [`jobs:kind:${kind}`]: 0,
      [`jobs:state:${state}`]: 0,
      ...(dueAt === undefined ? {} : { 'jobs:due': dueAt }),
      ...(endedAt === undefined ? {} : { 'jobs:ended': Date.parse(endedAt) }),
      ...(isUnnamed(job) ? { 'jobs:unnamed': 0 } : {}),
    },
  };
}
