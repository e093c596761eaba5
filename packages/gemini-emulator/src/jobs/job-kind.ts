import type { FileStore } from '../files/files.js';
import type { Finish, Job, JobOrder, JobResults } from './job.js';
import type { Json } from '../json.js';
import type { EmulatorOptions, Outcome } from '../options.js';

/** The lists of the API. Embedding batches are in the list of batches. */
export type Collection = 'batches' | 'interactions' | 'operations';

/** Stands for the event of an end that no event announces. */
export const SILENT = 'silent';

/** The parts of the emulator that a kind of job uses. */
export interface JobContext {
  readonly options: EmulatorOptions;
  readonly files: FileStore;
  /** Base of the URLs of results; a function, because it is known only when the server listens. */
  readonly baseUrl: () => string;
}

/** The differences between kinds of jobs. Everything else is the same for all of them. */
export interface Kind {
  readonly collection: Collection;
  /** The outcomes that the kind supports, each with the type of its event. */
  readonly endings: Readonly<Partial<Record<Outcome, string>>>;
  /** Parses a request. @throws {ApiError} if the API would refuse it */
  readonly order: (
    body: Json,
    model: string,
    context: JobContext,
  ) => JobOrder | Promise<JobOrder>;
  /** The results of a job that did not fail. */
  readonly results: (job: Job, finish: Finish, context: JobContext) => JobResults;
  /** The job as the API answers it. */
  readonly shown: (job: Job, options: EmulatorOptions) => Json;
  /** The job's name in `data.id` of an event. */
  readonly dataId: (job: Job, options: EmulatorOptions) => string;
  /** Further members of `data` in the event of its success. */
  readonly resultData: (job: Job, options: EmulatorOptions) => Json;
}
