import { randomUUID } from 'node:crypto';
import type { OnApplicationShutdown } from '@nestjs/common';
import type { RedisAccess } from '../../config/config.js';
import { coalesced } from '../../infrastructure/redis/coalesce.js';
import {
  RedisScripts,
  RedisUnavailableError,
} from '../../infrastructure/redis/redis-scripts.js';
import {
  JobRegistry,
  matches,
  MAX_SCANNED,
  type JobCount,
  type JobPage,
  type JobQuery,
  type JobStats,
  type NamedJob,
} from '../job-registry.js';
import {
  countIndex,
  dueIndex,
  keysOf,
  stateIndex,
  submissionKey,
  type JobKeys,
} from './job-keys.js';
import { creationTimeOf } from './job-id.js';
import { JOB_KINDS } from '../job-kinds.js';
import {
  JOB_STATES,
  OPEN_STATES,
  type Job,
  type JobState,
  type JobTask,
} from '../job.js';
import { JOB_SCRIPTS } from './job-scripts.js';

/** Tries of a write that loses against other replicas. More conflicts mean a fault. */
const MAX_TRIES = 20;
/** Jobs that one script call returns. */
const CHUNK = 100;

/** A job with the version that was read. A write succeeds only on this version. */
interface VersionedJob {
  readonly version: string;
  readonly job: Job;
}

const ENDED = 'jobs:ended';
/** Jobs among which the oldest open one of a state is searched. */
const OLDEST_SCANNED = 100;

const ABSENT = '';

/** Job registry in Redis, for several replicas. See docs/how-to/use-redis.md for what must persist. */
export class RedisJobRegistry extends JobRegistry implements OnApplicationShutdown {
  private readonly redis: RedisScripts<keyof typeof JOB_SCRIPTS>;
  private readonly fetchJob: (key: string) => Promise<readonly [string, string]>;
  private readonly fetchNamed: (key: string) => Promise<readonly [string, number]>;
  private readonly holder = randomUUID();

  constructor(access: RedisAccess) {
    super();
    this.redis = new RedisScripts(access, JOB_SCRIPTS);
    this.fetchJob = coalesced((keys) => this.redis.run('bridgeJobsRead', keys));
    this.fetchNamed = coalesced((keys) =>
      this.redis.run(
        'bridgeJobsNamed',
        ['jobs:unnamed', ...keys],
        `${this.redis.prefix}job:`,
      ),
    );
  }

  override async add(job: Job): Promise<Job> {
    const keys = keysOf(job);
    const [there = ''] = await this.redis.run<string>(
      'bridgeJobAdd',
      [keys.submission ?? keys.job, ...writeKeys(keys, [])],
      ...writeArguments(ABSENT, job, keys, []),
    );
    return there === '' ? job : parseJob(there);
  }

  override async find(id: string): Promise<Job | undefined> {
    return (await this.read(id))?.job;
  }

  override async findBySubmission(key: string): Promise<Job | undefined> {
    const [text = ''] = await this.redis.run<string>(
      'bridgeJobSubmitted',
      [submissionKey(key)],
      `${this.redis.prefix}job:`,
    );
    return text === '' ? undefined : parseJob(text);
  }

  override async findByName(geminiName: string): Promise<NamedJob> {
    const [text, unnamed] = await this.fetchNamed(`job-name:${geminiName}`);
    const job = text === '' ? undefined : parseJob(text);
    return { job, mayBeOurs: !job && unnamed > 0 };
  }

  override async updateJob(
    id: string,
    change: (job: Job) => Job,
  ): Promise<Job | undefined> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const read = await this.read(id);
      if (!read) return undefined;
      const changed = change(read.job);
      if (changed === read.job || (await this.write(read, changed))) return changed;
    }
    throw new RedisUnavailableError(
      `job ${id} was changed by another replica in each of ${MAX_TRIES} tries`,
    );
  }

  override async list(query: JobQuery): Promise<JobPage> {
    const { limit, state, kind } = query;
    const index = state ? stateIndex(state) : kind ? `jobs:kind:${kind}` : 'jobs:all';
    const jobs: Job[] = [];
    let last = query.before;
    for (let scanned = 0; scanned < MAX_SCANNED; scanned += CHUNK) {
      const from = last === undefined ? '+' : `(${last}`;
      const chunk = await this.redis.run<readonly [string, string]>(
        'bridgeJobsList',
        [index],
        from,
        CHUNK,
        `${this.redis.prefix}job:`,
      );
      for (const [id, text] of chunk) {
        if (jobs.length === limit) return { jobs, next: last };
        last = id;
        const job = text === '' ? undefined : parseJob(text);
        if (job && matches(job, query)) jobs.push(job);
      }
      if (chunk.length < CHUNK) return { jobs, next: undefined };
    }
    return { jobs, next: last };
  }

  override findDue(task: JobTask, nowMs: number, limit: number): Promise<readonly Job[]> {
    return this.findUpTo(dueIndex(task), nowMs, limit);
  }

  override async forgetEnded(beforeMs: number, limit: number): Promise<number> {
    const ended = await this.findUpTo(ENDED, beforeMs - 1, limit);
    for (const { id } of ended) await this.forget(id, beforeMs);
    return ended.length;
  }

  override async stats(): Promise<JobStats> {
    const counts = await Promise.all(JOB_STATES.map((state) => this.countByKind(state)));
    const ids = await this.redis.run<string>(
      'bridgeJobsOldest',
      [ENDED, ...OPEN_STATES.map(stateIndex)],
      OLDEST_SCANNED,
    );
    const [oldest] = ids.toSorted();
    return {
      counts: counts.flat(),
      oldestOpenAt: oldest === undefined ? undefined : creationTimeOf(oldest),
    };
  }

  override async acquireLeadership(leaseMs: number): Promise<boolean> {
    const [leads] = await this.redis.run<number>(
      'bridgeJobsLead',
      ['jobs:leader'],
      this.holder,
      leaseMs,
    );
    return leads === 1;
  }

  override get unready(): string | undefined {
    return this.redis.unready;
  }

  onApplicationShutdown(): void {
    this.redis.close();
  }

  private async countByKind(state: JobState): Promise<JobCount[]> {
    const counts = await this.redis.run<number>('bridgeJobsCount', [
      stateIndex(state),
      ...JOB_KINDS.map(({ name }) => countIndex(name, state)),
    ]);
    return JOB_KINDS.map(({ name: kind }, i) => ({ kind, state, count: counts[i] ?? 0 }));
  }

  private async read(id: string): Promise<VersionedJob | undefined> {
    const [version, text] = await this.fetchJob(`job:${id}`);
    return version === ABSENT ? undefined : { version, job: parseJob(text) };
  }

  private async write({ version, job }: VersionedJob, changed: Job): Promise<boolean> {
    const keys = keysOf(changed);
    const gone = Object.keys(keysOf(job).indexes).filter((key) => !(key in keys.indexes));
    const [done] = await this.redis.run<number>(
      'bridgeJobWrite',
      writeKeys(keys, gone),
      ...writeArguments(version, changed, keys, gone),
    );
    return done === 1;
  }

  /** Deletes the job, unless it was submitted again since. */
  private async forget(id: string, endedBeforeMs: number): Promise<void> {
    const read = await this.read(id);
    if (!read || !(Date.parse(read.job.endedAt ?? '') < endedBeforeMs)) return;
    const { job, name, submission, indexes } = keysOf(read.job);
    const keys = [job, ...[name, submission].filter((key) => key !== undefined)];
    await this.redis.run(
      'bridgeJobForget',
      [...keys, ...Object.keys(indexes)],
      read.version,
      id,
      keys.length,
    );
  }

  private async findUpTo(
    index: string,
    untilMs: number,
    limit: number,
  ): Promise<readonly Job[]> {
    const texts = await this.redis.run<string>(
      'bridgeJobsUntil',
      [index],
      untilMs,
      limit,
      `${this.redis.prefix}job:`,
    );
    return texts.map((text) => parseJob(text));
  }
}

/** KEYS of `WRITE`. @param gone indexes that the job leaves. */
function writeKeys(keys: JobKeys, gone: readonly string[]): string[] {
  const { job, name, submission, indexes } = keys;
  return [
    job,
    ...gone,
    ...Object.keys(indexes),
    ...[name, submission].filter((key) => key !== undefined),
  ];
}

/** ARGV of `WRITE`. */
function writeArguments(
  version: string,
  job: Job,
  keys: JobKeys,
  gone: readonly string[],
): (string | number)[] {
  const scores = Object.values(keys.indexes);
  return [version, JSON.stringify(job), job.id, gone.length, scores.length, ...scores];
}

function parseJob(text: string): Job {
  return JSON.parse(text) as Job;
}
