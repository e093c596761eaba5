import { tasksOf, isUnnamed, type JobTask, type Job } from '../job.js';

/** The Redis keys that tell of a job; all are written together. */
export interface JobKeys {
  readonly job: string;
  readonly name: string | undefined;
  readonly submission: string | undefined;
  /** Sorted sets that it is in, with its score. Where all scores are 0 the ids give the order. */
  readonly indexes: Readonly<Record<string, number>>;
}

export function keysOf(job: Job): JobKeys {
  const { id, kind, state, geminiName, submission, endedAt } = job;
  return {
    job: `job:${id}`,
    name: geminiName === undefined ? undefined : `job-name:${geminiName}`,
    submission: submission && submissionKey(submission.key),
    indexes: {
      'jobs:all': 0,
      [`jobs:kind:${kind}`]: 0,
      [`jobs:state:${state}`]: 0,
      ...dueIndexes(job),
      ...(endedAt === undefined ? {} : { 'jobs:ended': Date.parse(endedAt) }),
      ...(isUnnamed(job) ? { 'jobs:unnamed': 0 } : {}),
    },
  };
}

export function submissionKey(key: string): string {
  return `job-submission:${key}`;
}

export function dueIndex(duty: JobTask): string {
  return `jobs:due:${duty}`;
}

function dueIndexes(job: Job): Record<string, number> {
  return Object.fromEntries(
    Object.entries(tasksOf(job)).map(([duty, at]) => [dueIndex(duty as JobTask), at]),
  );
}
