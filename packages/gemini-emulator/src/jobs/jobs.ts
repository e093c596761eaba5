import { ApiError, invalid, notFound } from '../api-error.js';
import type { Clock } from '../clock.js';
import { endOf } from './job-end.js';
import type { Collection, JobSurroundings } from './job-kind.js';
import { JOB_KINDS } from './job-kinds.js';
import { isOver, type Finish, type Job, type JobKind } from './job.js';
import type { Json } from '../json.js';
import type { Outcome } from '../options.js';
import { page, type PageQuery } from '../api/page.js';
import type { Random } from '../random.js';

/** The jobs of the emulator's one project, whatever their kind. Ends are reported to `ended`, which sends the webhooks. */
export class JobStore {
  /** By id, in the order of their creation; deleted ones too. */
  private readonly jobs = new Map<string, Job>();

  constructor(
    private readonly around: JobSurroundings,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly ended: (job: Job, finish: Finish) => string[],
  ) {}

  /** @param model the `{model}` of the path, if the request has one there */
  async create(kind: JobKind, body: Json, model = ''): Promise<Job> {
    const order = await JOB_KINDS[kind].order(body, model, this.around);
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

  /** By its name or its id alone. */
  get(name: string): Job {
    const job = this.jobs.get(idOf(name));
    if (!job || job.deleted) throw notFound();
    if (name !== job.id && name !== job.name) throw notFound();
    return job;
  }

  /** As the API answers it. */
  shown(job: Job): Json {
    return JOB_KINDS[job.kind].shown(job, this.around.options);
  }

  /** One page, newest first. What is created meanwhile moves nothing on the pages to come. */
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

  /** Those that the API still knows, oldest first. */
  in(collection: Collection): Job[] {
    return this.all().filter(
      ({ kind, deleted }) => !deleted && JOB_KINDS[kind].collection === collection,
    );
  }

  /** Every job there ever was, oldest first. */
  all(): Job[] {
    return [...this.jobs.values()];
  }

  start(name: string): void {
    const job = this.get(name);
    if (job.state !== 'PENDING') throw notPossible(job);
    job.state = 'RUNNING';
    job.updateMs = this.clock.now();
  }

  /** Ends the job and sends what is to be sent; the answer names the webhook-ids. */
  finish(name: string, finish: Finish): string[] {
    const job = this.get(name);
    const { outcome } = finish;
    if (isOver(job)) throw notPossible(job);
    if (!canEnd(job, outcome)) throw invalid(`No ${job.kind} ends as ${outcome}.`);
    const nowMs = this.clock.now();
    Object.assign(job, endOf(job, finish, this.around), { updateMs: nowMs });
    if (outcome !== 'requires_action') job.endMs = nowMs;
    return this.ended(job, finish);
  }

  /**
   * As the API's cancelling. Assumptions: it takes effect at once, and cancelling what is over changes nothing and is
   * no error.
   */
  cancel(name: string): Job {
    const job = this.get(name);
    if (!isOver(job)) this.finish(name, { outcome: 'cancelled' });
    return job;
  }

  /** It still counts among those that were created. */
  delete(name: string): void {
    Object.assign(this.get(name), { deleted: true, results: undefined });
  }

  private scheduleEnd(job: Job): void {
    const { autoFinishMs, autoFinishSpreadMs, autoFinishOutcome } = this.around.options;
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
  return new ApiError(400, `${name} is ${state} already.`);
}
