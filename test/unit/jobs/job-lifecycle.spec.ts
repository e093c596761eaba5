import { describe, expect, it } from '@jest/globals';
import { parseGeminiEvent } from '../../../src/events/gemini-event.js';
import { withJobEvent } from '../../../src/jobs/delivered-event.js';
import { withProgress, withReconciledEvent } from '../../../src/jobs/job-lifecycle.js';
import type { Job } from '../../../src/jobs/job.js';
import { JOB, viewOf } from '../../../src/jobs/job-view.js';
import { knownJob } from '../../support/jobs.js';

const AT = new Date('2026-01-01T00:00:01.000Z');
const LATER = new Date('2026-01-01T00:00:02.000Z');

const delivered = (job: Job, type: string, data: object = {}, at = LATER): Job =>
  withJobEvent(
    job,
    parseGeminiEvent(Buffer.from(JSON.stringify({ type, data: { id: '1', ...data } }))),
    'msg_1',
    at,
  );

const ERROR = { error_code: 3, error_message: 'no' };

describe('withReconciledEvent', () => {
  const event = { type: 'batch.failed', webhookId: 'reconciled:1', at: AT.toISOString() };
  const reconciled = withReconciledEvent(withProgress(knownJob(), 'failed', AT), event);

  it('stays the last event when the same event is delivered later', () => {
    const late = delivered(reconciled, 'batch.failed');
    expect(late).toMatchObject({ reconciled: true, lastEvent: event });
  });

  it('keeps the first of two publications', () => {
    const again = { ...event, at: LATER.toISOString() };
    expect(withReconciledEvent(reconciled, again)).toBe(reconciled);
  });

  it('does not hold for another event that is delivered later', () => {
    const other = delivered(reconciled, 'batch.expired');
    expect(other.lastEvent).toMatchObject({ type: 'batch.expired', webhookId: 'msg_1' });
    expect(other).not.toHaveProperty('reconciled');
  });
});

describe('the error of a delivered event', () => {
  it.each(['batch.failed', 'batch.expired'])('of type %s is the job’s', (type) => {
    expect(delivered(knownJob(), type, ERROR).error).toEqual({
      code: '3',
      message: 'no',
    });
  });

  it('is not the job’s when the event says that it succeeded', () => {
    expect(delivered(knownJob(), 'batch.succeeded', ERROR)).not.toHaveProperty('error');
  });

  it('replaces no error that the job has', () => {
    const error = { code: '4', message: 'first' };
    const failed = withProgress({ ...knownJob(), error }, 'failed', AT);
    expect(delivered(failed, 'batch.failed', ERROR).error).toBe(error);
  });

  it('is not the job’s when the job ended otherwise', () => {
    const done = withProgress(knownJob(), 'cancelled', AT);
    expect(delivered(done, 'batch.failed', ERROR)).not.toHaveProperty('error');
  });
});

describe('viewOf', () => {
  /** As version 0.1 stored it. */
  const stored = {
    ...knownJob({ id: '01998f6e-0000-7000-8000-000000000001', state: 'succeeded' }),
    untold: ['ended'],
    dueAt: 1,
    submission: { key: 'k', body: 'b' },
    endedAt: AT.toISOString(),
    lastEvent: { type: 'batch.succeeded', webhookId: 'm', at: AT.toISOString() },
  } as Job;

  it('shows a job that an earlier version stored', () => {
    const read = JSON.parse(JSON.stringify(stored)) as Job;
    expect(JOB.strict().parse(viewOf(read))).toEqual(viewOf(stored));
  });

  it('shows `reconciled` beside the last event', () => {
    const view = viewOf(
      withReconciledEvent(stored, stored.lastEvent as NonNullable<Job['lastEvent']>),
    );
    expect(JOB.strict().parse(view)).toMatchObject({ reconciled: true });
  });
});
