import type { FileStore } from '../files/files.js';
import type { Finish, Job, JobOrder, JobResults } from './job.js';
import type { Json } from '../json.js';
import type { EmulatorOptions, Outcome } from '../options.js';

/** The API's lists. Embedding batches live among the batches. */
export type Collection = 'batches' | 'interactions' | 'operations';

/** An end that no event announces. */
export const SILENT = 'silent';

/** What a kind needs beside the job. */
export interface JobSurroundings {
  readonly options: EmulatorOptions;
  readonly files: FileStore;
  /** Of the emulator, for the URLs of results; known only when it listens. */
  readonly baseUrl: () => string;
}

/** What distinguishes the jobs of a kind. Everything else is the same for all of them. */
export interface Kind {
  readonly collection: Collection;
  /** How such a job can end, and the type of the event that says so. */
  readonly endings: Readonly<Partial<Record<Outcome, string>>>;
  /** Reads the request. @throws {ApiError} if the API would refuse it */
  readonly order: (
    body: Json,
    model: string,
    around: JobSurroundings,
  ) => JobOrder | Promise<JobOrder>;
  /** What a job leaves behind that did not fail. */
  readonly results: (job: Job, finish: Finish, around: JobSurroundings) => JobResults;
  /** As the API answers it. */
  readonly shown: (job: Job, options: EmulatorOptions) => Json;
  /** How `data.id` of an event names it. */
  readonly dataId: (job: Job, options: EmulatorOptions) => string;
  /** What the event of its success says beside that. */
  readonly resultData: (job: Job, options: EmulatorOptions) => Json;
}
