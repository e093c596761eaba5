import { tasksOf, isUnnamed, type Job, type JobState, type JobTask } from '../job.js';

/** The Redis keys of a job. One script writes them together. */
export interface JobKeys {
  readonly job: string;
  readonly name: string | undefined;
  readonly submission: string | undefined;
  /** Sorted sets with the job's score. Where all scores are 0, Redis orders by id. */
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
      [stateIndex(state)]: 0,
      [countIndex(kind, state)]: 0,
      ...dueIndexes(job),
      ...(endedAt === undefined ? {} : { 'jobs:ended': Date.parse(endedAt) }),
      ...(isUnnamed(job) ? { 'jobs:unnamed': 0 } : {}),
    },
  };
}

export function submissionKey(key: string): string {
  return `job-submission:${key}`;
}

export function stateIndex(state: JobState): string {
  return `jobs:state:${state}`;
}

/** Its size is the number of jobs of a kind in a state. */
export function countIndex(kind: string, state: JobState): string {
  return `jobs:count:${kind}:${state}`;
}

export function dueIndex(task: JobTask): string {
  return `jobs:due:${task}`;
}

function dueIndexes(job: Job): Record<string, number> {
  return Object.fromEntries(
    Object.entries(tasksOf(job)).map(([task, at]) => [dueIndex(task as JobTask), at]),
  );
}
