import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { startRedis, type RedisServer } from '../../../packages/testbed/src/redis.js';
import { newJobId } from '../../../src/jobs/registry/job-id.js';
import type { JobQuery, JobRegistry } from '../../../src/jobs/job-registry.js';
import {
  markEnded,
  markGivenUp,
  markRetried,
  withProgress,
} from '../../../src/jobs/job-lifecycle.js';
import { JOB_KINDS } from '../../../src/jobs/job-kinds.js';
import { JOB_STATES, type JobTask, type Job } from '../../../src/jobs/job.js';
import { without } from '../../../src/infrastructure/json/json.js';
import { MemoryJobRegistry } from '../../../src/jobs/registry/memory.job-registry.js';
import { RedisJobRegistry } from '../../../src/jobs/registry/redis.job-registry.js';
import { knownJob } from '../../support/jobs.js';

const NOW = new Date('2026-05-01T12:00:00Z');

const more = (job: Job): Job => ({ ...job, attempts: job.attempts + 1 });

let redis: RedisServer;
const opened: RedisJobRegistry[] = [];

beforeAll(async () => {
  redis = await startRedis({ own: true });
});

afterAll(async () => {
  for (const registry of opened) registry.onApplicationShutdown();
  await redis.stop();
});

async function redisRegistry(): Promise<RedisJobRegistry> {
  const registry = new RedisJobRegistry(redis);
  opened.push(registry);
  while (registry.unready !== undefined) await new Promise(setImmediate);
  return registry;
}

async function emptyRedisRegistry(): Promise<RedisJobRegistry> {
  const client = new Redis(redis.url);
  await client.flushall();
  client.disconnect();
  return redisRegistry();
}

const REGISTRIES: [string, () => Promise<JobRegistry>][] = [
  ['memory', () => Promise.resolve(new MemoryJobRegistry())],
  ['Redis', emptyRedisRegistry],
];

describe.each(REGISTRIES)('a registry in %s', (_where, open) => {
  it('finds an added job by id and by name', async () => {
    const registry = await open();
    const job = knownJob({ metadata: { tenant: 'Zürich', depth: { n: 1 } } });
    expect(await registry.add(job)).toEqual(job);
    expect(await registry.find(job.id)).toEqual(job);
    expect(await registry.findByName('batches/1')).toEqual({ job, mayBeOurs: false });
    expect(await registry.find('unknown')).toBeUndefined();
    expect(await registry.findByName('batches/2')).toEqual({
      job: undefined,
      mayBeOurs: false,
    });
  });

  it('has one job for a submission that two replicas add', async () => {
    const registry = await open();
    const first = knownJob({ id: newJobId(), submission: { key: 'k', body: 'b' } });
    const second = knownJob({ id: newJobId(), submission: { key: 'k', body: 'c' } });
    const answers = await Promise.all([registry.add(first), registry.add(second)]);
    expect(answers).toEqual([first, first]);
    expect(await registry.find(second.id)).toBeUndefined();
  });

  it('loses no change if several are made at the same time', async () => {
    const registry = await open();
    await registry.add(knownJob());
    await Promise.all(Array.from({ length: 8 }, () => registry.updateJob('job-1', more)));
    expect(await registry.find('job-1')).toMatchObject({ attempts: 9 });
  });

  it('does not create a job if an unknown job is changed', async () => {
    const registry = await open();
    expect(
      await registry.updateJob('unknown', (job) => ({ ...job, state: 'failed' })),
    ).toBeUndefined();
    expect(await registry.find('unknown')).toBeUndefined();
  });

  it('reports that an unknown name may be ours while one of our jobs has no name', async () => {
    const registry = await open();
    const { geminiName: _, ...unnamed } = knownJob({ announcedBy: 'static' });
    await registry.add(unnamed);
    expect(await registry.findByName('batches/7')).toMatchObject({ mayBeOurs: true });
    await registry.updateJob('job-1', (job) => ({ ...job, geminiName: 'batches/1' }));
    expect(await registry.findByName('batches/7')).toMatchObject({ mayBeOurs: false });
  });

  it('lists the newest first, page by page, while jobs are added and end', async () => {
    const registry = await open();
    const ids = await addMany(registry, 25);
    const first = await registry.list({ limit: 10 });
    expect(first.jobs.map(({ id }) => id)).toEqual(ids.slice(0, 10));
    await registry.add(knownJob({ id: newJobId(), geminiName: 'batches/new' }));
    await registry.updateJob(ids[12] as string, (job) => markEnded(job, NOW));
    const rest = await allOf(registry, { limit: 10, before: first.next as string });
    expect(rest.map(({ id }) => id)).toEqual(ids.slice(10));
  });

  it('filters by state, kind and metadata', async () => {
    const registry = await open();
    const ids = await addMany(registry, 12);
    await registry.updateJob(ids[3] as string, (job) => withProgress(job, 'failed', NOW));
    const find = async (query: Partial<JobQuery>) =>
      (await allOf(registry, { limit: 2, ...query })).map(({ id }) => ids.indexOf(id));
    expect(await find({ state: 'failed' })).toEqual([3]);
    expect(await find({ kind: 'video' })).toEqual([0, 2, 4, 6, 8, 10]);
    expect(await find({ metadata: { tenant: '2' } })).toEqual([0, 3, 6, 9]);
    expect(await find({ kind: 'video', metadata: { tenant: '2' } })).toEqual([0, 6]);
    expect(await find({ state: 'failed', kind: 'video' })).toEqual([]);
    expect(await find({ metadata: { toString: '1' } })).toEqual([]);
  });

  it('finds the jobs that are due, the longest waiting first', async () => {
    const registry = await open();
    const due = [300, 100, 200, undefined];
    for (const [i, dueAt] of due.entries()) {
      const job = knownJob({ id: `job-${i}`, geminiName: `batches/${i}` });
      await registry.add(dueAt === undefined ? job : { ...job, dueAt });
    }
    const ids = async (nowMs: number, limit = 10) =>
      (await registry.findDue('look', nowMs, limit)).map(({ id }) => id);
    expect(await ids(250)).toEqual(['job-1', 'job-2']);
    expect(await ids(1000, 2)).toEqual(['job-1', 'job-2']);
    await registry.updateJob('job-1', (job) => without(job, 'dueAt'));
    expect(await ids(1000)).toEqual(['job-2', 'job-0']);
  });

  it('has a queue for each kind of task, and only `tell` for an ended job', async () => {
    const registry = await open();
    const dues = async () => {
      const found: string[] = [];
      for (const duty of ['tell', 'release', 'find', 'look'] satisfies JobTask[]) {
        if ((await registry.findDue(duty, 1000, 10)).length > 0) found.push(duty);
      }
      return found;
    };
    const job = without(knownJob({ state: 'submitting', dueAt: 5 }), 'geminiName');
    await registry.add(job);
    expect(await dues()).toEqual(['release']);
    await registry.updateJob('job-1', (now) => ({ ...now, state: 'unknown' }));
    expect(await dues()).toEqual(['find']);
    await registry.updateJob('job-1', () =>
      knownJob({ dueAt: 5, untold: ['submitted'] }),
    );
    expect(await dues()).toEqual(['tell', 'look']);
    await registry.updateJob('job-1', (now) => ({ ...markEnded(now, NOW), dueAt: 5 }));
    expect(await dues()).toEqual(['tell']);
    await registry.updateJob('job-1', (now) => ({ ...now, tellAt: 2000 }));
    expect(await dues()).toEqual([]);
  });

  it('adds the same job only once', async () => {
    const registry = await open();
    const job = knownJob({ submission: { key: 'k', body: 'b' } });
    for (const given of [job, without(job, 'submission')]) {
      await registry.add(given);
      await registry.updateJob('job-1', more);
      expect(await registry.add(given)).toMatchObject({ id: 'job-1', attempts: 2 });
      await registry.updateJob('job-1', () => markEnded(given, NOW));
      await registry.forgetEnded(Number.MAX_SAFE_INTEGER, 1);
    }
  });

  it('finds the job of a submission', async () => {
    const registry = await open();
    const job = knownJob({ submission: { key: 'k', body: 'b' } });
    await registry.add(job);
    expect(await registry.findBySubmission('k')).toEqual(job);
    expect(await registry.findBySubmission('other')).toBeUndefined();
  });

  it('lists all jobs that were created in one millisecond, page by page', async () => {
    const registry = await open();
    const ids = Array.from({ length: 30 }, () => newJobId(NOW.getTime()));
    for (const id of ids) await registry.add(knownJob({ id }));
    const listed = (await allOf(registry, { limit: 7 })).map(({ id }) => id);
    expect(listed).toEqual(ids.toReversed());
  });

  it('counts the jobs of each kind and state', async () => {
    const registry = await open();
    const ids = await addMany(registry, 5);
    await registry.updateJob(ids[0] as string, (job) =>
      withProgress(job, 'running', NOW),
    );
    await registry.updateJob(ids[1] as string, (job) => withProgress(job, 'failed', NOW));
    expect(await countsIn(registry)).toEqual({
      'batch submitted': 2,
      'batch running': 1,
      'video submitted': 1,
      'video failed': 1,
    });
    await registry.forgetEnded(Number.MAX_SAFE_INTEGER, 1);
    await registry.updateJob(ids[0] as string, (job) => withProgress(job, 'failed', NOW));
    expect(await countsIn(registry)).toEqual({
      'batch submitted': 2,
      'batch failed': 1,
      'video submitted': 1,
    });
    const { counts } = await registry.stats();
    expect(counts).toHaveLength(JOB_KINDS.length * JOB_STATES.length);
  });

  it('reports the creation time of the oldest open job', async () => {
    const registry = await open();
    expect((await registry.stats()).oldestOpenAt).toBeUndefined();
    const createdAt = [3, 2, 1].map((hours) => NOW.getTime() - hours * 3_600_000);
    const ids = createdAt.map((at) => {
      const hex = at.toString(16).padStart(12, '0');
      return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
    });
    for (const [i, id] of ids.entries()) {
      const at = new Date(createdAt[i] as number).toISOString();
      await registry.add(
        knownJob({ id, geminiName: `batches/${i}`, state: 'submitting', createdAt: at }),
      );
    }
    const oldest = async () => (await registry.stats()).oldestOpenAt;
    expect(await oldest()).toBe(createdAt[0]);
    await registry.updateJob(ids[0] as string, (job) => markGivenUp(job, NOW));
    expect(await oldest()).toBe(createdAt[1]);
    await registry.updateJob(ids[1] as string, (job) => ({ ...job, state: 'unknown' }));
    await registry.updateJob(ids[2] as string, (job) =>
      withProgress(job, 'running', NOW),
    );
    expect(await oldest()).toBe(createdAt[1]);
    await registry.updateJob(ids[1] as string, (job) => markGivenUp(job, NOW));
    expect(await oldest()).toBe(createdAt[2]);
  });

  it('forgets the jobs that ended before a time, with their names and submissions', async () => {
    const registry = await open();
    const submission = { key: 'k', body: 'b' };
    await registry.add(markEnded(knownJob({ submission }), NOW));
    await registry.add(knownJob({ id: 'job-2', geminiName: 'batches/2' }));
    expect(await registry.forgetEnded(NOW.getTime(), 10)).toBe(0);
    expect(await registry.forgetEnded(NOW.getTime() + 1, 10)).toBe(1);
    expect(await registry.find('job-1')).toBeUndefined();
    expect(await registry.findByName('batches/1')).toMatchObject({ job: undefined });
    expect(await registry.findDue('tell', Number.MAX_SAFE_INTEGER, 10)).toEqual([]);
    expect((await registry.list({ limit: 10 })).jobs.map(({ id }) => id)).toEqual([
      'job-2',
    ]);
    const again = knownJob({ id: 'job-3', submission });
    expect(await registry.add(again)).toEqual(again);
  });
});

describe('a registry in Redis', () => {
  it('is shared by all replicas, one of which is the leader', async () => {
    const [one, two] = [await emptyRedisRegistry(), await redisRegistry()];
    await one.add(knownJob());
    expect(await two.find('job-1')).toEqual(knownJob());
    expect(
      await Promise.all([one.acquireLeadership(200), two.acquireLeadership(200)]),
    ).toEqual([true, false]);
    expect(await one.acquireLeadership(50)).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 80));
    expect(await two.acquireLeadership(200)).toBe(true);
  });

  it('leaves no key if all jobs are forgotten', async () => {
    const registry = await emptyRedisRegistry();
    await addMany(registry, 5);
    const { jobs } = await registry.list({ limit: 10 });
    for (const { id } of jobs) await registry.updateJob(id, (job) => markEnded(job, NOW));
    expect(await registry.forgetEnded(Infinity, 100)).toBe(5);
    const client = new Redis(redis.url);
    expect(await client.keys('*')).toEqual([]);
    client.disconnect();
  });

  it('does not forget a job that is submitted again during `forgetEnded`', async () => {
    const registry = await emptyRedisRegistry();
    await registry.add(markEnded(knownJob(), NOW));
    // The job changes after `forgetEnded` found it in the index, and before it reads it
    const reads = registry['read'].bind(registry);
    registry['read'] = async (id) => {
      registry['read'] = reads;
      await registry.updateJob(id, (job) => markRetried(job, new Date(), Date.now()));
      return reads(id);
    };
    await registry.forgetEnded(Number.MAX_SAFE_INTEGER, 1);
    expect(await registry.find('job-1')).toMatchObject({ state: 'submitting' });
  });

  it('corrects the counts after a version without counts has moved or deleted jobs', async () => {
    const registry = await emptyRedisRegistry();
    const [newest = '', second = ''] = await addMany(registry, 4);
    const client = new Redis(redis.url);
    // A version without counts does not update `jobs:count:…`
    await client.zrem(redisKey('jobs:state:submitted'), newest, second);
    await client.zadd(redisKey('jobs:state:failed'), 0, newest);
    await client.del(redisKey(`job:${second}`));
    client.disconnect();
    expect(await countsIn(registry)).toEqual({
      'batch submitted': 1,
      'video submitted': 1,
    });
    await registry.updateJob(newest, (job) => withProgress(job, 'failed', NOW));
    expect(await countsIn(registry)).toMatchObject({ 'video failed': 1 });
  });

  it('skips a job that Redis has lost', async () => {
    const registry = await emptyRedisRegistry();
    const ids = await addMany(registry, 3);
    const client = new Redis(redis.url);
    await client.del(`{gemini-bridge}:job:${ids[1]}`);
    client.disconnect();
    const { jobs } = await registry.list({ limit: 10 });
    expect(jobs.map(({ id }) => id)).toEqual([ids[0], ids[2]]);
  });
});

/** Adds jobs. Every second one is a video, and `tenant` is 0, 1 and 2 in turn. @returns the ids, newest first */
async function addMany(registry: JobRegistry, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const id = newJobId(NOW.getTime() + i);
    ids.unshift(id);
    await registry.add(
      knownJob({
        id,
        kind: i % 2 === 1 ? 'video' : 'batch',
        geminiName: `batches/${i}`,
        metadata: { tenant: i % 3 },
      }),
    );
  }
  return ids;
}

function redisKey(name: string): string {
  return `{gemini-bridge}:${name}`;
}

/** Number of jobs by kind and state, without zeros. */
async function countsIn(registry: JobRegistry): Promise<Record<string, number>> {
  const { counts } = await registry.stats();
  return Object.fromEntries(
    counts
      .filter(({ count }) => count > 0)
      .map(({ kind, state, count }) => [`${kind} ${state}`, count]),
  );
}

async function allOf(registry: JobRegistry, query: JobQuery): Promise<Job[]> {
  const { jobs, next } = await registry.list(query);
  if (next === undefined) return [...jobs];
  return [...jobs, ...(await allOf(registry, { ...query, before: next }))];
}
