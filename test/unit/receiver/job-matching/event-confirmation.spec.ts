import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Delivery } from '../../../../src/receiver/delivery.js';
import { EventConfirmation } from '../../../../src/receiver/job-matching/event-confirmation.js';
import type { TokenConfig } from '../../../../src/config/config.js';
import { GeminiError } from '../../../../src/gemini/gemini.error.js';
import type { Job } from '../../../../src/jobs/job.js';
import { faultOf } from '../../../support/faults.js';
import { FakeGemini } from '../../../support/fake-gemini.js';
import { knownJob } from '../../../support/jobs.js';
import { eventBody } from '../../../support/sender.js';

/** The operation of the batch in this state. */
const operation = (state: string, output = {}): object => ({
  name: 'batches/1',
  metadata: { state, updateTime: '2026-01-01T00:00:09Z', output },
});
const SUCCEEDED = operation('BATCH_STATE_SUCCEEDED');

let gemini: FakeGemini;

beforeEach(() => {
  gemini = new FakeGemini();
  gemini.answer = () => Promise.resolve(SUCCEEDED);
});

function confirmed(
  body: string,
  { job = knownJob(), unboundBody = 'confirm' }: { job?: Job; unboundBody?: string } = {},
): Promise<Delivery> {
  const config = { unboundBody } as TokenConfig;
  const proof = { id: 'j-1', body: Buffer.from(body), bodyBound: false };
  const delivery = { key: 'jobs/job-1:j-1', proof } as unknown as Delivery;
  return new EventConfirmation(gemini, config).confirm(delivery, job);
}

describe('EventConfirmation', () => {
  it.each([
    ['BATCH_STATE_SUCCEEDED', 'batch.succeeded'],
    ['BATCH_STATE_FAILED', 'batch.failed'],
    ['BATCH_STATE_EXPIRED', 'batch.expired'],
    ['BATCH_STATE_CANCELLED', 'batch.cancelled'],
  ])('with Gemini at %s confirms %s, and replaces the body', async (state, type) => {
    gemini.answer = () => Promise.resolve(operation(state));
    const body = eventBody(type, { id: 'batch_1', output_file_uri: 'gs://elsewhere' });
    const { proof, key } = await confirmed(body);
    expect(gemini.asked.map(({ path }) => path)).toEqual(['batches/1']);
    expect(key).toBe('jobs/job-1:j-1');
    expect(JSON.parse(proof.body.toString())).toEqual({
      type,
      version: 'v1',
      timestamp: '2026-01-01T00:00:09Z',
      data: { id: 'batches/1' },
    });
  });

  it('adds the output file that Gemini names', async () => {
    const output = { responsesFile: 'files/batch-1' };
    gemini.answer = () => Promise.resolve(operation('BATCH_STATE_SUCCEEDED', output));
    const { proof } = await confirmed(eventBody());
    expect(JSON.parse(proof.body.toString())).toMatchObject({
      data: { id: 'batches/1', output_file_uri: 'files/batch-1' },
    });
  });

  it.each(['BATCH_STATE_RUNNING', 'BATCH_STATE_FAILED', 'constructor', ''])(
    'refuses a success while Gemini is at "%s"',
    async (state) => {
      gemini.answer = () => Promise.resolve(operation(state));
      expect(await faultOf(() => confirmed(eventBody()))).toBe('body-unconfirmed');
    },
  );

  it('refuses an event of another job', async () => {
    const body = eventBody('batch.succeeded', { id: 'batches/2' });
    expect(await faultOf(() => confirmed(body))).toBe('body-unconfirmed');
  });

  it('refuses without a call what it cannot ask Gemini about', async () => {
    const { geminiName: _, ...unnamed } = knownJob();
    expect(await faultOf(() => confirmed(eventBody(), { job: unnamed }))).toBe(
      'body-unconfirmed',
    );
    expect(await faultOf(() => confirmed('junk'))).toBe('body-unconfirmed');
    expect(await faultOf(() => confirmed(eventBody(), { unboundBody: 'refuse' }))).toBe(
      'body-unconfirmed',
    );
    expect(gemini.asked).toEqual([]);
  });

  it('fails with the error of Gemini when Gemini does not answer', async () => {
    const error = new GeminiError('Gemini did not answer', 'unknown');
    gemini.answer = () => Promise.reject(error);
    await expect(confirmed(eventBody())).rejects.toBe(error);
  });
});
