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
import { JobReconciliation, dueJob } from '../../../support/job-reconciliation.js';

const GONE_ERROR = { code: GONE, message: 'no' };
const NOT_TAKEN = { code: 'not-taken', message: 'no', retryable: true };

let reconciliation: JobReconciliation;

beforeAll(() => Logger.overrideLogger(false));

beforeEach(() => {
  reconciliation = new JobReconciliation();
});

/** Jobs whose end Kafka does not know yet. */
async function untold(count: number): Promise<Job[]> {
  const jobs = Array.from({ length: count }, (_, n) =>
    markEnded(dueJob({ id: `job-${n}`, geminiName: `batches/${n}` }), new Date()),
  );
  for (const job of jobs) await reconciliation.registry.add(job);
  return jobs;
}

describe('telling Kafka of a job’s life', () => {
  it('is done once for each milestone, and then forgotten', async () => {
    const given = dueJob({ untold: ['unknown', 'submitted'], metadata: { t: 'blue' } });
    await reconciliation.registry.add(given);
    await reconciliation.lifecyclePublisher.publishPending();
    expect(await reconciliation.registry.find(given.id)).not.toHaveProperty('untold');
    expect(reconciliation.topics).toEqual(['gemini-bridge.jobs', 'gemini-bridge.jobs']);
    const [, record] = reconciliation.publisher.records;
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
    await reconciliation.registry.updateJob(given.id, () => given);
    await reconciliation.lifecyclePublisher.publishPending();
    expect(reconciliation.topics).toHaveLength(2);
  });

  it('is all that a job wants which is over', async () => {
    const [over] = await untold(1);
    await reconciliation.round();
    expect(reconciliation.topics).toEqual(['gemini-bridge.jobs']);
    for (const duty of ['tell', 'release', 'find', 'look'] as const) {
      expect(await reconciliation.registry.findDue(duty, Infinity, 1)).toEqual([]);
    }
    expect(await reconciliation.registry.find(over!.id)).not.toHaveProperty('dueAt');
  });

  it('is tried again later of what Kafka did not take, and only of that', async () => {
    const [first] = await untold(2);
    reconciliation.publisher.fail('unavailable');
    await reconciliation.lifecyclePublisher.publishPending();
    expect(reconciliation.topics).toEqual(['gemini-bridge.jobs']);
    const left = await reconciliation.registry.find(first!.id);
    expect(left).toMatchObject({ untold: ['ended'] });
    expect(left?.tellAt).toBeGreaterThan(Date.now());
    await reconciliation.registry.updateJob(first!.id, (job) => ({ ...job, tellAt: 0 }));
    await reconciliation.lifecyclePublisher.publishPending();
    expect(reconciliation.topics).toHaveLength(2);
  });

  it('rests while Kafka takes nothing, and then tries with one', async () => {
    await untold(3);
    reconciliation.publisher.fail('refused', 'refused', 'refused');
    await reconciliation.lifecyclePublisher.publishPending();
    await untold(6);
    await reconciliation.lifecyclePublisher.publishPending();
    expect(reconciliation.topics).toEqual([]);
    const clock = jest.spyOn(performance, 'now');
    clock.mockReturnValue(performance.now() + 1000);
    await reconciliation.lifecyclePublisher.publishPending();
    expect(reconciliation.topics).toHaveLength(1);
    await reconciliation.lifecyclePublisher.publishPending();
    expect(reconciliation.topics).toHaveLength(3);
    clock.mockRestore();
  });

  it('does not wait for a record without an outcome: the others go on, and it is joined', async () => {
    reconciliation = new JobReconciliation({ ackBudgetMs: 30 });
    const [job] = await untold(1);
    const open = reconciliation.publisher.hold();
    await reconciliation.lifecyclePublisher.publishPending();
    expect(reconciliation.topics).toEqual([]);
    open();
    await new Promise(setImmediate);
    expect(reconciliation.topics).toHaveLength(1);
    await reconciliation.registry.updateJob(job!.id, () => job!);
    await reconciliation.lifecyclePublisher.publishPending();
    expect(reconciliation.topics).toHaveLength(1);
  });

  it('does not keep a job from being looked at', async () => {
    const job = dueJob({ untold: ['submitted'] });
    reconciliation.publisher.fail('unavailable');
    reconciliation.answers({ metadata: { state: 'BATCH_STATE_RUNNING' } });
    expect(await reconciliation.attended(job)).toMatchObject({
      state: 'running',
      untold: ['submitted'],
    });
  });
});

describe('what is still to be told', () => {
  const at = new Date();
  const later = new Date(at.getTime() + 1000);
  const unsure = markUnknown(dueJob({ state: 'submitting' }), new Error('silence'), at);

  it('corrects `unknown` when Gemini did not take the job', () => {
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
