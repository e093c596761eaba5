import { Logger } from '@nestjs/common';
import { beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { GeminiError } from '../../../../src/gemini/gemini.error.js';
import { newJobId } from '../../../../src/jobs/registry/job-id.js';
import { markRetried } from '../../../../src/jobs/job-lifecycle.js';
import type { Job } from '../../../../src/jobs/job.js';
import {
  ago,
  Caretaking,
  dueJob,
  GIVE_UP_MS,
  SETTLE_MS,
} from '../../../support/caretaking.js';
import { without } from '../../../../src/infrastructure/json/json.js';

const ID = '01998f6e-0000-7000-8000-000000000001';
const LATER = '01998f6e-0000-7000-8000-000000000002';
const SETTLED = ago(SETTLE_MS + 1000);

let care: Caretaking;

beforeAll(() => Logger.overrideLogger(false));

beforeEach(() => {
  care = new Caretaking();
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

const found = (id: string) => care.registry.find(id);

describe('a submission that was not answered', () => {
  it('is unknown when whoever submitted it is gone', async () => {
    care.answers({ operations: [] });
    const left = await care.attended(unnamed({ state: 'submitting' }));
    expect(left).toMatchObject({ state: 'unknown', untold: ['unknown'] });
  });

  it('is not unknown when it was tried anew before that was noticed', async () => {
    const job = unnamed({ state: 'submitting' });
    await care.registry.add(job);
    const findDue = care.registry.findDue.bind(care.registry);
    care.registry.findDue = async (duty, now, limit) => {
      const jobs = await findDue(duty, now, limit);
      const again = markRetried(job, new Date(), Date.now() + 1000);
      if (duty === 'release') await care.registry.updateJob(ID, () => again);
      return jobs;
    };
    await care.finder.expireUnanswered();
    expect(await found(ID)).toMatchObject({ state: 'submitting', attempts: 2 });
  });

  it('is found by our id in the display name', async () => {
    care.answers({ operations: [listed(8, 'x'), listed(9, ID)] });
    const left = await care.attended(unnamed());
    expect(left).toMatchObject({ state: 'submitted', geminiName: 'batches/9' });
    expect(left.untold).toEqual(['submitted']);
    expect(left.dueAt).toBeGreaterThan(Date.now());
    expect(care.gemini.asked[0]).toMatchObject({ method: 'GET', path: 'batches' });
  });

  it('is not what has a name that no batch can have', async () => {
    const evil = { ...listed(1, ID), name: 'files/1' };
    care.answers({ operations: [evil] });
    const left = await care.attended(unnamed({ updatedAt: SETTLED }));
    expect(left).toMatchObject({ state: 'unknown' });
    expect(left).not.toHaveProperty('geminiName');
  });

  it('is looked for back to when it was made, and no further', async () => {
    pages((page) => ago(page * 4 * 60_000));
    await care.attended(unnamed());
    expect(care.gemini.asked).toHaveLength(3);
  });

  it('is looked for to the end where the newest do not come first', async () => {
    pages((page) => ago((20 - page) * 60 * 60_000), 5);
    await care.attended(unnamed());
    expect(care.gemini.asked).toHaveLength(5);
  });

  it('is looked for again until it must have shown up', async () => {
    care.answers({ operations: [] });
    const soon = await care.attended(unnamed({ updatedAt: ago(SETTLE_MS - 5000) }));
    expect(soon.state).toBe('unknown');
    expect(soon.dueAt).toBeGreaterThan(Date.now());
  });

  it('was not taken when it is not there, and may be tried again', async () => {
    care.answers({ operations: [] });
    const left = await care.attended(unnamed({ updatedAt: SETTLED }));
    expect(left).toMatchObject({
      state: 'failed',
      error: { code: 'not-taken', retryable: true },
      untold: ['ended'],
    });
    expect(left.dueAt).toBeUndefined();
  });

  it('may be on the first page by now, when the search began too early', async () => {
    const updatedAt = ago(SETTLE_MS - 50);
    care.gemini.answer = async ({ query = {} }) => {
      await new Promise((resolve) => setTimeout(resolve, 60));
      return query['pageToken']
        ? { operations: [] }
        : { operations: [listed(1, 'x')], nextPageToken: '2' };
    };
    expect(await care.attended(unnamed({ updatedAt }))).toMatchObject({
      state: 'unknown',
    });
  });

  it('is not judged by a search that began before its last try', async () => {
    care.gemini.answer = async () => {
      await care.registry.updateJob(ID, (job) => ({ ...job, attempts: 2 }));
      return { operations: [] };
    };
    expect(await care.attended(unnamed({ updatedAt: SETTLED }))).toMatchObject({
      state: 'unknown',
      attempts: 2,
    });
  });

  it('stays unknown while Gemini does not answer', async () => {
    care.gemini.answer = () => Promise.reject(new GeminiError('no', 'unknown'));
    const given = unnamed({ updatedAt: SETTLED });
    const left = await care.attended(given);
    expect(left).toEqual({ ...given, dueAt: expect.any(Number) });
    expect(left.dueAt).toBeGreaterThan(Date.now());
  });

  it.each([
    ['that is not there', () => Promise.reject(refusal(404))],
    ['that cannot be read', () => Promise.resolve({ operations: 'none' })],
  ])('in a list %s leaves those in other lists as they are', async (_, fails) => {
    care.gemini.answer = ({ path }) =>
      path === 'batches' ? Promise.resolve({ operations: [listed(9, ID)] }) : fails();
    await care.registry.add(
      unnamed({ id: 'video', kind: 'video', model: 'veo', updatedAt: SETTLED }),
    );
    await care.registry.add(unnamed({ id: 'other', kind: 'of another build' }));
    expect(await care.attended(unnamed())).toMatchObject({ geminiName: 'batches/9' });
    for (const id of ['video', 'other']) {
      const left = await found(id);
      expect(left).toMatchObject({ state: 'unknown' });
      expect(left?.dueAt).toBeGreaterThan(Date.now());
    }
  });

  it('is given up in the end where nobody can tell', async () => {
    care.gemini.answer = () => Promise.reject(refusal(404));
    const left = await care.attended(unnamed({ updatedAt: ago(GIVE_UP_MS + 1) }));
    expect(left).toMatchObject({ state: 'unknown', untold: ['ended'] });
    expect(left.endedAt).toBeDefined();
  });

  it('is not taken for lost while a list does not say whose its jobs are', async () => {
    const name = 'models/veo/operations/1';
    const video = unnamed({ kind: 'video', model: 'veo', updatedAt: SETTLED });
    care.answers({ operations: [{ name }] });
    const left = await care.attended(video);
    expect(left).toMatchObject({ state: 'unknown' });
    expect(left.dueAt).toBeGreaterThan(Date.now());
    // Looked for again as often as a job is looked at, not in the end only
    expect(left.dueAt).toBeLessThan(Date.now() + 2 * 3_600_000);
    const metadata = { webhookConfig: { userMetadata: { bridge_job_id: 'told' } } };
    care.answers({ operations: [{ name, metadata }] });
    const named = await care.attended({ ...video, id: 'told' });
    expect(named).toMatchObject({ state: 'submitted', geminiName: name });
    const missing = await care.attended({ ...video, id: 'missing' });
    expect(missing).toMatchObject({ state: 'failed', error: { code: 'not-taken' } });
  });

  it.each([{}, { operations: [] }, { hello: 'world' }])(
    'is not taken for lost by a list of videos that tells of none (%j)',
    async (answer) => {
      care.answers(answer);
      const video = unnamed({ kind: 'video', model: 'veo', updatedAt: SETTLED });
      expect(await care.attended(video)).toMatchObject({ state: 'unknown' });
    },
  );

  it('is not judged when its name was learnt while it was looked for', async () => {
    care.gemini.answer = async () => {
      await care.registry.updateJob(ID, (now) => ({ ...now, geminiName: 'batches/5' }));
      return { operations: [] };
    };
    await care.registry.add(unnamed({ updatedAt: SETTLED }));
    await care.find();
    expect(await found(ID)).toMatchObject({ state: 'unknown', geminiName: 'batches/5' });
  });

  it('of a kind that Gemini does not list waits for its webhook, and then no longer', async () => {
    const waiting = await care.attended(unnamed({ kind: 'interaction' }));
    expect(waiting).toMatchObject({ state: 'unknown' });
    expect(waiting.dueAt).toBe(Date.parse(waiting.updatedAt) + GIVE_UP_MS);
    const old = { ...waiting, id: 'old', updatedAt: ago(GIVE_UP_MS + 1), dueAt: 0 };
    const left = await care.attended(old);
    expect(left).toMatchObject({ state: 'unknown', untold: ['ended'] });
    expect(left.endedAt).toBeDefined();
    expect(care.gemini.asked).toEqual([]);
  });
});

describe('a search', () => {
  it('longer than the calls of a minute is gone on with, not begun anew', async () => {
    care = new Caretaking({ callsPerMinute: 16 });
    await care.registry.add(unnamed({ createdAt: ago(3_600_000) }));
    pages((page) => ago(page * 1000));
    await care.find();
    const clock = jest.spyOn(performance, 'now');
    clock.mockReturnValue(performance.now() + 60_000);
    await care.find();
    clock.mockRestore();
    const asked = care.gemini.asked.map(({ query }) => query?.['pageToken']);
    expect(asked).toEqual([undefined, '1', '2', '3']);
    expect(await found(ID)).toMatchObject({ state: 'unknown' });
  });

  it('leaves the calls of looks alone, and they its', async () => {
    care = new Caretaking({ callsPerMinute: 8 });
    pages((page) => ago(page * 1000));
    for (let n = 0; n < 5; n++) {
      await care.registry.add(dueJob({ id: newJobId(), geminiName: `batches/${n}` }));
    }
    await care.attended(unnamed());
    const asked = care.gemini.asked.map(({ path }) => path);
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
    care.answers({ operations });
    const video = unnamed({ kind: 'video', model: 'veo', updatedAt: SETTLED });
    expect(await care.attended(video)).toMatchObject({ error: { code: 'not-taken' } });
  });

  it('is at its end when an empty token says so, or when all are found', async () => {
    care.answers({ operations: [listed(1, 'x')], nextPageToken: '' });
    await care.registry.add(unnamed());
    await care.find();
    expect(care.gemini.asked).toHaveLength(1);
    care.answers({ operations: [listed(9, LATER)], nextPageToken: '2' });
    await care.registry.add(unnamed({ id: LATER }));
    await care.find();
    expect(care.gemini.asked).toHaveLength(2);
  });

  it('leaves room for another list, when it is long', async () => {
    care.gemini.answer = ({ path, query = {} }) => {
      const page = Number(query['pageToken'] ?? 0);
      return Promise.resolve(
        path === 'batches'
          ? { operations: [listed(page, 'x')], nextPageToken: String(page + 1) }
          : {},
      );
    };
    await care.registry.add(unnamed());
    await care.registry.add(unnamed({ id: 'video', kind: 'video', model: 'veo' }));
    await care.find();
    const asked = care.gemini.asked.map(({ path }) => path);
    expect(asked).toContain('models/veo/operations');
    expect(asked.filter((path) => path === 'batches')).toHaveLength(5);
  });

  it('finds jobs of one list together', async () => {
    const ids = Array.from({ length: 5 }, () => newJobId());
    for (const id of ids) await care.registry.add(unnamed({ id }));
    care.answers({ operations: ids.map((id, n) => listed(n, id)) });
    await care.find();
    expect(care.gemini.asked).toHaveLength(1);
    const names = await Promise.all(ids.map(async (id) => (await found(id))?.geminiName));
    expect(names).toEqual(ids.map((_, n) => `batches/${n}`));
  });
});

/** A list without end, or with so many pages, of one job each. */
function pages(createTime: (page: number) => string, count = Infinity): void {
  care.gemini.answer = ({ path, query = {} }) => {
    if (path !== 'batches') return Promise.resolve({ metadata: {} });
    const page = Number(query['pageToken'] ?? 0);
    const next = page + 1 < count ? { nextPageToken: String(page + 1) } : {};
    return Promise.resolve({
      operations: [listed(page, 'x', createTime(page))],
      ...next,
    });
  };
}
