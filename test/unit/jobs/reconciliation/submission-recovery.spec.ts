import { Logger } from '@nestjs/common';
import { beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { GeminiError } from '../../../../src/gemini/gemini.error.js';
import { newJobId } from '../../../../src/jobs/registry/job-id.js';
import { markRetried } from '../../../../src/jobs/job-lifecycle.js';
import type { Job } from '../../../../src/jobs/job.js';
import {
  ago,
  JobReconciliation,
  dueJob,
  GIVE_UP_MS,
  SETTLE_MS,
} from '../../../support/job-reconciliation.js';
import { without } from '../../../../src/infrastructure/json/json.js';

const ID = '01998f6e-0000-7000-8000-000000000001';
const LATER = '01998f6e-0000-7000-8000-000000000002';
const SETTLED = ago(SETTLE_MS + 1000);

let reconciliation: JobReconciliation;

beforeAll(() => Logger.overrideLogger(false));

beforeEach(() => {
  reconciliation = new JobReconciliation();
});

const unnamed = (more: Partial<Job> = {}): Job =>
  without(
    dueJob({ id: ID, state: 'unknown', isInDoubt: true, updatedAt: ago(0), ...more }),
    'geminiName',
  );

const listed = (n: string | number, jobId: string, createTime = ago(0)) => ({
  name: `batches/${n}`,
  metadata: { displayName: `nightly [${jobId}]`, createTime },
});

const refusal = (status: number) =>
  new GeminiError(`Gemini answered ${status}`, 'refused', { status });

const found = (id: string) => reconciliation.registry.find(id);

describe('a submission that was not answered', () => {
  it('is unknown when the process that submitted it is gone', async () => {
    reconciliation.answers({ operations: [] });
    const left = await reconciliation.attended(unnamed({ state: 'submitting' }));
    expect(left).toMatchObject({ state: 'unknown', untold: ['unknown'] });
  });

  it('is not unknown when it was tried anew before that was noticed', async () => {
    const job = unnamed({ state: 'submitting' });
    await reconciliation.registry.add(job);
    const findDue = reconciliation.registry.findDue.bind(reconciliation.registry);
    reconciliation.registry.findDue = async (duty, now, limit) => {
      const jobs = await findDue(duty, now, limit);
      const again = markRetried(job, new Date(), Date.now() + 1000);
      if (duty === 'release') await reconciliation.registry.updateJob(ID, () => again);
      return jobs;
    };
    await reconciliation.submissionRecovery.expireUnanswered();
    expect(await found(ID)).toMatchObject({ state: 'submitting', attempts: 2 });
  });

  it('is found by our id in the display name', async () => {
    reconciliation.answers({ operations: [listed(8, 'x'), listed(9, ID)] });
    const left = await reconciliation.attended(unnamed());
    expect(left).toMatchObject({ state: 'submitted', geminiName: 'batches/9' });
    expect(left.untold).toEqual(['submitted']);
    expect(left.dueAt).toBeGreaterThan(Date.now());
    expect(reconciliation.gemini.asked[0]).toMatchObject({
      method: 'GET',
      path: 'batches',
    });
  });

  it('is not what has a name that no batch can have', async () => {
    const evil = { ...listed(1, ID), name: 'files/1' };
    reconciliation.answers({ operations: [evil] });
    const left = await reconciliation.attended(unnamed({ updatedAt: SETTLED }));
    expect(left).toMatchObject({ state: 'unknown' });
    expect(left).not.toHaveProperty('geminiName');
  });

  it('is looked for back to when it was made, and no further', async () => {
    pages((page) => ago(page * 4 * 60_000));
    await reconciliation.attended(unnamed());
    expect(reconciliation.gemini.asked).toHaveLength(3);
  });

  it('is looked for to the end where the newest do not come first', async () => {
    pages((page) => ago((20 - page) * 60 * 60_000), 5);
    await reconciliation.attended(unnamed());
    expect(reconciliation.gemini.asked).toHaveLength(5);
  });

  it('is looked for again until it must have shown up', async () => {
    reconciliation.answers({ operations: [] });
    const soon = await reconciliation.attended(
      unnamed({ updatedAt: ago(SETTLE_MS - 5000) }),
    );
    expect(soon.state).toBe('unknown');
    expect(soon.dueAt).toBeGreaterThan(Date.now());
  });

  it('was not taken when it is not there, and may be tried again', async () => {
    reconciliation.answers({ operations: [] });
    const left = await reconciliation.attended(unnamed({ updatedAt: SETTLED }));
    expect(left).toMatchObject({
      state: 'failed',
      error: { code: 'not-taken', retryable: true },
      untold: ['ended'],
    });
    expect(left.dueAt).toBeUndefined();
  });

  it('may be on the first page by now, when the search began too early', async () => {
    const updatedAt = ago(SETTLE_MS - 50);
    reconciliation.gemini.answer = async ({ query = {} }) => {
      await new Promise((resolve) => setTimeout(resolve, 60));
      return query['pageToken']
        ? { operations: [] }
        : { operations: [listed(1, 'x')], nextPageToken: '2' };
    };
    expect(await reconciliation.attended(unnamed({ updatedAt }))).toMatchObject({
      state: 'unknown',
    });
  });

  it('is not judged by a search that began before its last try', async () => {
    reconciliation.gemini.answer = async () => {
      await reconciliation.registry.updateJob(ID, (job) => ({ ...job, attempts: 2 }));
      return { operations: [] };
    };
    expect(await reconciliation.attended(unnamed({ updatedAt: SETTLED }))).toMatchObject({
      state: 'unknown',
      attempts: 2,
    });
  });

  it('stays unknown while Gemini does not answer', async () => {
    reconciliation.gemini.answer = () => Promise.reject(new GeminiError('no', 'unknown'));
    const given = unnamed({ updatedAt: SETTLED });
    const left = await reconciliation.attended(given);
    expect(left).toEqual({ ...given, dueAt: expect.any(Number) });
    expect(left.dueAt).toBeGreaterThan(Date.now());
  });

  it.each([
    ['that is not there', () => Promise.reject(refusal(404))],
    ['that cannot be read', () => Promise.resolve({ operations: 'none' })],
  ])('in a list %s leaves those in other lists as they are', async (_, fails) => {
    reconciliation.gemini.answer = ({ path }) =>
      path === 'batches' ? Promise.resolve({ operations: [listed(9, ID)] }) : fails();
    await reconciliation.registry.add(
      unnamed({ id: 'video', kind: 'video', model: 'veo', updatedAt: SETTLED }),
    );
    await reconciliation.registry.add(unnamed({ id: 'other', kind: 'of another build' }));
    expect(await reconciliation.attended(unnamed())).toMatchObject({
      geminiName: 'batches/9',
    });
    for (const id of ['video', 'other']) {
      const left = await found(id);
      expect(left).toMatchObject({ state: 'unknown' });
      expect(left?.dueAt).toBeGreaterThan(Date.now());
    }
  });

  it('is given up in the end when its outcome stays unknown', async () => {
    reconciliation.gemini.answer = () => Promise.reject(refusal(404));
    const left = await reconciliation.attended(
      unnamed({ updatedAt: ago(GIVE_UP_MS + 1) }),
    );
    expect(left).toMatchObject({ state: 'unknown', untold: ['ended'] });
    expect(left.endedAt).toBeDefined();
  });

  it('is not taken for lost while a list does not say whose its jobs are', async () => {
    const name = 'models/veo/operations/1';
    const video = unnamed({ kind: 'video', model: 'veo', updatedAt: SETTLED });
    reconciliation.answers({ operations: [{ name }] });
    const left = await reconciliation.attended(video);
    expect(left).toMatchObject({ state: 'unknown' });
    expect(left.dueAt).toBeGreaterThan(Date.now());
    // Looked for again as often as a job is looked at, not in the end only
    expect(left.dueAt).toBeLessThan(Date.now() + 2 * 3_600_000);
    const metadata = { webhookConfig: { userMetadata: { bridge_job_id: 'told' } } };
    reconciliation.answers({ operations: [{ name, metadata }] });
    const named = await reconciliation.attended({ ...video, id: 'told' });
    expect(named).toMatchObject({ state: 'submitted', geminiName: name });
    const missing = await reconciliation.attended({ ...video, id: 'missing' });
    expect(missing).toMatchObject({ state: 'failed', error: { code: 'not-taken' } });
  });

  it.each([{}, { operations: [] }, { hello: 'world' }])(
    'is not taken for lost by a list of videos that tells of none (%j)',
    async (answer) => {
      reconciliation.answers(answer);
      const video = unnamed({ kind: 'video', model: 'veo', updatedAt: SETTLED });
      expect(await reconciliation.attended(video)).toMatchObject({ state: 'unknown' });
    },
  );

  it('is not judged when its name was learnt while it was looked for', async () => {
    reconciliation.gemini.answer = async () => {
      await reconciliation.registry.updateJob(ID, (now) => ({
        ...now,
        geminiName: 'batches/5',
      }));
      return { operations: [] };
    };
    await reconciliation.registry.add(unnamed({ updatedAt: SETTLED }));
    await reconciliation.find();
    expect(await found(ID)).toMatchObject({ state: 'unknown', geminiName: 'batches/5' });
  });

  it('of a kind that Gemini does not list waits for its webhook, and then no longer', async () => {
    const waiting = await reconciliation.attended(unnamed({ kind: 'interaction' }));
    expect(waiting).toMatchObject({ state: 'unknown' });
    expect(waiting.dueAt).toBe(Date.parse(waiting.updatedAt) + GIVE_UP_MS);
    const old = { ...waiting, id: 'old', updatedAt: ago(GIVE_UP_MS + 1), dueAt: 0 };
    const left = await reconciliation.attended(old);
    expect(left).toMatchObject({ state: 'unknown', untold: ['ended'] });
    expect(left.endedAt).toBeDefined();
    expect(reconciliation.gemini.asked).toEqual([]);
  });
});

describe('a search', () => {
  it('longer than the calls of a minute is gone on with, not begun anew', async () => {
    reconciliation = new JobReconciliation({ callsPerMinute: 16 });
    await reconciliation.registry.add(unnamed({ createdAt: ago(3_600_000) }));
    pages((page) => ago(page * 1000));
    await reconciliation.find();
    const clock = jest.spyOn(performance, 'now');
    clock.mockReturnValue(performance.now() + 60_000);
    await reconciliation.find();
    clock.mockRestore();
    const asked = reconciliation.gemini.asked.map(({ query }) => query?.['pageToken']);
    expect(asked).toEqual([undefined, '1', '2', '3']);
    expect(await found(ID)).toMatchObject({ state: 'unknown' });
  });

  it('leaves the calls of looks alone, and they its', async () => {
    reconciliation = new JobReconciliation({ callsPerMinute: 8 });
    pages((page) => ago(page * 1000));
    for (let n = 0; n < 5; n++) {
      await reconciliation.registry.add(
        dueJob({ id: newJobId(), geminiName: `batches/${n}` }),
      );
    }
    await reconciliation.attended(unnamed());
    const asked = reconciliation.gemini.asked.map(({ path }) => path);
    expect(asked.filter((path) => path === 'batches')).toHaveLength(1);
    expect(asked.filter((path) => path !== 'batches')).toHaveLength(3);
  });

  it('is telling although an older part of its list tells nothing', async () => {
    const webhookConfig = { userMetadata: { bridge_job_id: 'other' } };
    const operations = [0, 5, 9].map((hours) => ({
      name: `models/veo/operations/${hours}`,
      metadata: {
        createTime: ago(hours * 3_600_000),
        ...(hours === 0 && { webhookConfig }),
      },
    }));
    reconciliation.answers({ operations });
    const video = unnamed({ kind: 'video', model: 'veo', updatedAt: SETTLED });
    expect(await reconciliation.attended(video)).toMatchObject({
      error: { code: 'not-taken' },
    });
  });

  it('is at its end when an empty token says so, or when all are found', async () => {
    reconciliation.answers({ operations: [listed(1, 'x')], nextPageToken: '' });
    await reconciliation.registry.add(unnamed());
    await reconciliation.find();
    expect(reconciliation.gemini.asked).toHaveLength(1);
    reconciliation.answers({ operations: [listed(9, LATER)], nextPageToken: '2' });
    await reconciliation.registry.add(unnamed({ id: LATER }));
    await reconciliation.find();
    expect(reconciliation.gemini.asked).toHaveLength(2);
  });

  it('leaves room for another list, when it is long', async () => {
    reconciliation.gemini.answer = ({ path, query = {} }) => {
      const page = Number(query['pageToken'] ?? 0);
      return Promise.resolve(
        path === 'batches'
          ? { operations: [listed(page, 'x')], nextPageToken: String(page + 1) }
          : {},
      );
    };
    await reconciliation.registry.add(unnamed());
    await reconciliation.registry.add(
      unnamed({ id: 'video', kind: 'video', model: 'veo' }),
    );
    await reconciliation.find();
    const asked = reconciliation.gemini.asked.map(({ path }) => path);
    expect(asked).toContain('models/veo/operations');
    expect(asked.filter((path) => path === 'batches')).toHaveLength(5);
  });

  it('finds jobs of one list together', async () => {
    const ids = Array.from({ length: 5 }, () => newJobId());
    for (const id of ids) await reconciliation.registry.add(unnamed({ id }));
    reconciliation.answers({ operations: ids.map((id, n) => listed(n, id)) });
    await reconciliation.find();
    expect(reconciliation.gemini.asked).toHaveLength(1);
    const names = await Promise.all(ids.map(async (id) => (await found(id))?.geminiName));
    expect(names).toEqual(ids.map((_, n) => `batches/${n}`));
  });
});

/** A list without end, or with so many pages, of one job each. */
function pages(createTime: (page: number) => string, count = Infinity): void {
  reconciliation.gemini.answer = ({ path, query = {} }) => {
    if (path !== 'batches') return Promise.resolve({ metadata: {} });
    const page = Number(query['pageToken'] ?? 0);
    const next = page + 1 < count ? { nextPageToken: String(page + 1) } : {};
    return Promise.resolve({
      operations: [listed(page, 'x', createTime(page))],
      ...next,
    });
  };
}
