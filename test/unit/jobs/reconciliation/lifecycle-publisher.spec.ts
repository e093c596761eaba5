import { Logger } from '@nestjs/common';
import { beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  markEnded,
  markGivenUp,
  markUnknown,
  withEvent,
  markNotAccepted,
  markAccepted,
  withoutPublished,
  markRetried,
} from '../../../../src/jobs/job-lifecycle.js';
import { GONE, type Job } from '../../../../src/jobs/job.js';
import { Caretaking, dueJob } from '../../../support/caretaking.js';

const GONE_ERROR = { code: GONE, message: 'no' };
const NOT_TAKEN = { code: 'not-taken', message: 'no', retryable: true };

let care: Caretaking;

beforeAll(() => Logger.overrideLogger(false));

beforeEach(() => {
  care = new Caretaking();
});

/** Jobs whose end Kafka does not know yet. */
async function untold(count: number): Promise<Job[]> {
  const jobs = Array.from({ length: count }, (_, n) =>
    markEnded(dueJob({ id: `job-${n}`, geminiName: `batches/${n}` }), new Date()),
  );
  for (const job of jobs) await care.registry.add(job);
  return jobs;
}

describe('telling Kafka of a job’s life', () => {
  it('is done once for each milestone, and then forgotten', async () => {
    const given = dueJob({ untold: ['unknown', 'submitted'], metadata: { t: 'blue' } });
    await care.registry.add(given);
    await care.teller.publishPending();
    expect(await care.registry.find(given.id)).not.toHaveProperty('untold');
    expect(care.topics).toEqual(['gemini-bridge.jobs', 'gemini-bridge.jobs']);
    const [, record] = care.publisher.records;
    expect(record?.headers).toMatchObject({
      ce_type: 'gemini.job.submitted',
      ce_source: 'urn:gemini-kafka-bridge:jobs',
      ce_subject: given.id,
      'bridge-scope': 'bridge',
      'bridge-job-id': given.id,
      'correlation-id': 'correlation-1',
      'bridge-job-metadata': '{"t":"blue"}',
    });
    expect(JSON.parse(record!.value.toString())).toMatchObject({
      type: 'gemini.job.submitted',
      data: { id: given.id, geminiName: 'batches/1' },
    });
    // Another replica that has read it before
    await care.registry.updateJob(given.id, () => given);
    await care.teller.publishPending();
    expect(care.topics).toHaveLength(2);
  });

  it('is all that a job wants which is over', async () => {
    const [over] = await untold(1);
    await care.round();
    expect(care.topics).toEqual(['gemini-bridge.jobs']);
    for (const duty of ['tell', 'release', 'find', 'look'] as const) {
      expect(await care.registry.findDue(duty, Infinity, 1)).toEqual([]);
    }
    expect(await care.registry.find(over!.id)).not.toHaveProperty('dueAt');
  });

  it('is tried again later of what Kafka did not take, and only of that', async () => {
    const [first] = await untold(2);
    care.publisher.fail('unavailable');
    await care.teller.publishPending();
    expect(care.topics).toEqual(['gemini-bridge.jobs']);
    const left = await care.registry.find(first!.id);
    expect(left).toMatchObject({ untold: ['ended'] });
    expect(left?.tellAt).toBeGreaterThan(Date.now());
    await care.registry.updateJob(first!.id, (job) => ({ ...job, tellAt: 0 }));
    await care.teller.publishPending();
    expect(care.topics).toHaveLength(2);
  });

  it('rests while Kafka takes nothing, and then tries with one', async () => {
    await untold(3);
    care.publisher.fail('refused', 'refused', 'refused');
    await care.teller.publishPending();
    await untold(6);
    await care.teller.publishPending();
    expect(care.topics).toEqual([]);
    const clock = jest.spyOn(performance, 'now');
    clock.mockReturnValue(performance.now() + 1000);
    await care.teller.publishPending();
    expect(care.topics).toHaveLength(1);
    await care.teller.publishPending();
    expect(care.topics).toHaveLength(3);
    clock.mockRestore();
  });

  it('does not wait for a record without an outcome: the others go on, and it is joined', async () => {
    care = new Caretaking({ ackBudgetMs: 30 });
    const [job] = await untold(1);
    const open = care.publisher.hold();
    await care.teller.publishPending();
    expect(care.topics).toEqual([]);
    open();
    await new Promise(setImmediate);
    expect(care.topics).toHaveLength(1);
    await care.registry.updateJob(job!.id, () => job!);
    await care.teller.publishPending();
    expect(care.topics).toHaveLength(1);
  });

  it('does not keep a job from being looked at', async () => {
    const job = dueJob({ untold: ['submitted'] });
    care.publisher.fail('unavailable');
    care.answers({ metadata: { state: 'BATCH_STATE_RUNNING' } });
    expect(await care.attended(job)).toMatchObject({
      state: 'running',
      untold: ['submitted'],
    });
  });
});

describe('what is still to be told', () => {
  const at = new Date();
  const later = new Date(at.getTime() + 1000);
  const unsure = markUnknown(dueJob({ state: 'submitting' }), new Error('silence'), at);

  it('is that a job was not taken, where it was told that nobody knows', () => {
    expect(unsure.untold).toEqual(['unknown']);
    const given = withoutPublished(unsure, unsure);
    expect(markNotAccepted(given, NOT_TAKEN, at).untold).toEqual(['ended']);
    expect(markNotAccepted(dueJob({ state: 'submitting' }), NOT_TAKEN, at).untold).toBe(
      undefined,
    );
  });

  it('is the end of a doubt, though it came with a try that was refused', () => {
    const doubt = withoutPublished(unsure, unsure);
    const again = markRetried(
      markNotAccepted(doubt, NOT_TAKEN, at),
      later,
      later.getTime(),
    );
    const refused = markNotAccepted(again, { ...NOT_TAKEN, code: 'gemini-429' }, later);
    expect(refused.untold).toEqual(['ended']);
    const third = markRetried(withoutPublished(refused, refused), later, later.getTime());
    expect(markNotAccepted(third, NOT_TAKEN, later).untold).toBe(undefined);
  });

  it.each([
    ['unknown for good', markGivenUp(withoutPublished(unsure, unsure), at)],
    ['gone', { ...markEnded(dueJob({ state: 'failed' }), at), error: GONE_ERROR }],
  ])('is that it ended once more, when a job was not %s', (_, wrong) => {
    const event = { type: 'batch.succeeded', webhookId: 'm', at: later.toISOString() };
    const over = withEvent(withoutPublished(wrong, wrong), {
      event,
      geminiName: undefined,
      state: 'succeeded',
      error: undefined,
    });
    expect(over).toMatchObject({
      state: 'succeeded',
      untold: ['submitted', 'ended'],
      endedAt: later.toISOString(),
    });
    expect(over).not.toHaveProperty('error');
  });

  it('is the new try’s, when there is one', () => {
    const failed = markNotAccepted(unsure, NOT_TAKEN, at);
    const again = markRetried(failed, later, later.getTime());
    expect(again).not.toHaveProperty('untold');
    const unsureAgain = markUnknown(again, new Error('silence'), later);
    expect(withoutPublished(unsureAgain, unsure).untold).toEqual(['unknown']);
  });

  it('is both ends of a job that was believed not to be taken', () => {
    const failed = withoutPublished(markNotAccepted(unsure, NOT_TAKEN, at), unsure);
    const revived = markAccepted(failed, later);
    expect(revived).toMatchObject({ state: 'submitted', untold: ['submitted'] });
    expect(revived).not.toHaveProperty('endedAt');
    expect(revived.dueAt).toBe(later.getTime());
    const over = markEnded(revived, later);
    expect(withoutPublished(over, failed).untold).toEqual(['submitted', 'ended']);
    expect(withoutPublished(over, over)).not.toHaveProperty('untold');
  });
});
