import { ApiError, invalid, notFound } from '../api-error.js';
import type { Clock } from '../clock.js';
import { endOf } from './job-end.js';
import type { Collection, JobContext } from './job-kind.js';
import { JOB_KINDS } from './job-kinds.js';
import { isOver, type Finish, type Job, type JobKind } from './job.js';
import type { Json } from '../json.js';
import type { Outcome } from '../options.js';
import { page, type PageQuery } from '../api/page.js';
import type { Random } from '../random.js';

/** The jobs of all kinds. */
export class JobStore {
  /** By id, in the order of their creation, deleted ones included. */
  private readonly jobs = new Map<string, Job>();

  constructor(
    private readonly context: JobContext,
    private readonly clock: Clock,
    private readonly random: Random,
    /** Sends the event of a job's end. @returns the webhook-ids */
    private readonly ended: (job: Job, finish: Finish) => string[],
  ) {}

  /** @param model the `{model}` in the path of the request, for kinds that have one there */
  async create(kind: JobKind, body: Json, model = ''): Promise<Job> {
    const order = await JOB_KINDS[kind].order(body, model, this.context);
    const nowMs = this.clock.now();
    const job: Job = {
      ...order,
      kind,
      id: idOf(order.name),
      sequence: this.jobs.size,
      state: 'PENDING',
      createMs: nowMs,
      updateMs: nowMs,
      results: undefined,
      error: undefined,
      deleted: false,
    };
    this.jobs.set(job.id, job);
    this.scheduleEnd(job);
    return job;
  }

  /** @param name the job's name, or its id. @throws {ApiError} 404 */
  get(name: string): Job {
    const job = this.jobs.get(idOf(name));
    if (!job || job.deleted) throw notFound();
    if (name !== job.id && name !== job.name) throw notFound();
    return job;
  }

  /** The job as the API answers it. */
  shown(job: Job): Json {
    return JOB_KINDS[job.kind].shown(job, this.context.options);
  }

  /** One page, newest first. Jobs that are created between two pages do not shift the later page. */
  list(
    collection: Collection,
    { size, token }: PageQuery,
    wanted: (job: Job) => boolean = () => true,
  ): Json {
    const newestFirst = this.in(collection).filter(wanted).toReversed();
    const { items, nextToken } = page(newestFirst, size, token, (job) => -job.sequence);
    return {
      operations: items.map((job) => this.shown(job)),
      ...(nextToken ? { nextPageToken: nextToken } : {}),
    };
  }

  /** The jobs of a list without deleted ones, oldest first. */
  in(collection: Collection): Job[] {
    return this.all().filter(
      ({ kind, deleted }) => !deleted && JOB_KINDS[kind].collection === collection,
    );
  }

  /** All jobs, oldest first, deleted ones included. */
  all(): Job[] {
    return [...this.jobs.values()];
  }

  start(name: string): void {
    const job = this.get(name);
    if (job.state !== 'PENDING') throw notPossible(job);
    job.state = 'RUNNING';
    job.updateMs = this.clock.now();
  }

  /** Ends the job and sends its event. @returns the webhook-ids of the event's deliveries */
  finish(name: string, finish: Finish): string[] {
    const job = this.get(name);
    const { outcome } = finish;
    if (isOver(job)) throw notPossible(job);
    if (!canEnd(job, outcome)) throw invalid(`No ${job.kind} ends as ${outcome}.`);
    const nowMs = this.clock.now();
    Object.assign(job, endOf(job, finish, this.context), { updateMs: nowMs });
    if (outcome !== 'requires_action') job.endMs = nowMs;
    return this.ended(job, finish);
  }

  /**
   * Cancels a job as the API does. Assumptions: the job ends at once; cancelling a job that has ended changes nothing
   * and is no error.
   */
  cancel(name: string): Job {
    const job = this.get(name);
    if (!isOver(job)) this.finish(name, { outcome: 'cancelled' });
    return job;
  }

  /** Deletes a job for the API. `all` still has it. */
  delete(name: string): void {
    Object.assign(this.get(name), { deleted: true, results: undefined });
  }

  private scheduleEnd(job: Job): void {
    const { autoFinishMs, autoFinishSpreadMs, autoFinishOutcome } = this.context.options;
    if (autoFinishMs === undefined) return;
    const delayMs = autoFinishMs + this.random() * autoFinishSpreadMs;
    const outcome = canEnd(job, autoFinishOutcome) ? autoFinishOutcome : 'failed';
    this.clock.after(delayMs / 2, () => {
      if (!job.deleted && job.state === 'PENDING') this.start(job.id);
    });
    this.clock.after(delayMs, () => {
      if (!job.deleted && !isOver(job)) this.finish(job.id, { outcome });
    });
  }
}

function idOf(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

function canEnd({ kind }: Job, outcome: Outcome): boolean {
  return outcome in JOB_KINDS[kind].endings;
}

function notPossible({ name, state }: Job): ApiError {
  return new ApiError(400, `${name} is already ${state}.`);
}
