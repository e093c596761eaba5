import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import type { GeminiEmulator } from '../../packages/gemini-emulator/src/emulator.js';
import { StatusPoller } from '../../src/jobs/reconciliation/status-poller.js';
import { newJobId } from '../../src/jobs/registry/job-id.js';
import { JobRegistry } from '../../src/jobs/job-registry.js';
import { MemoryJobRegistry } from '../../src/jobs/registry/memory.job-registry.js';
import type { Job } from '../../src/jobs/job.js';
import type { TestApp } from '../support/app.js';
import { startEmulatedApp, type EmulatedApp } from '../support/emulated-app.js';
import { knownJob } from '../support/jobs.js';
import { eventBody, post, signedV1a } from '../support/sender.js';

const BATCH = {
  batch: { inputConfig: { requests: { requests: [{ request: { contents: [{}] } }] } } },
};

let world: EmulatedApp;
let gemini: GeminiEmulator;
let app: TestApp;

beforeAll(async () => {
  // The reconciliation loop of the application does not run, so only the tests poll the jobs
  jest.spyOn(MemoryJobRegistry.prototype, 'acquireLeadership').mockResolvedValue(false);
  world = await startEmulatedApp();
  ({ app, gemini } = world);
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  jest.restoreAllMocks();
});

beforeEach(() => app.publisher.reset());

/** A job that has ended at Gemini without an event. */
async function submitted(): Promise<Job> {
  const { name: geminiName } = await gemini.createJob('batch', BATCH, 'gemini-flash');
  gemini.finishJob(geminiName, 'succeeded');
  const createdAt = new Date().toISOString();
  return app.get(JobRegistry).add(knownJob({ id: newJobId(), geminiName, createdAt }));
}

/** The delivery of a job's event, signed as Gemini signs it. */
const eventOf = ({ geminiName: id }: Job) =>
  signedV1a(gemini.keys, { body: eventBody('batch.succeeded', { id }) });

/** Polls the job now. The reconciler itself would poll it in some hours. */
const look = async ({ id }: Job) => {
  await app.get(JobRegistry).updateJob(id, (now) => ({ ...now, dueAt: 0 }));
  await app.get(StatusPoller).pollDue(new AbortController().signal);
};

const deliver = async (job: Job, signed = eventOf(job)) =>
  (await post(app.url + (await app.jobPath(job.id, job.correlationId)), signed)).json;

/** The records of the batch's events, without its lifecycle events. */
const events = () =>
  app.publisher.records
    .filter(({ topic }) => topic === 'gemini.batch.succeeded')
    .map(({ headers }) => headers['bridge-reconciled'] ?? 'delivered');

describe('the end of a job', () => {
  it('is not published again if it is delivered after a poll found it', async () => {
    const job = await submitted();
    await look(job);
    expect(await deliver(job)).toEqual({ status: 'duplicate' });
    expect(events()).toEqual(['true']);
  });

  it('is not published again if a poll finds it after its delivery', async () => {
    const job = await submitted();
    expect(await deliver(job)).toEqual({ status: 'published' });
    await look(job);
    expect(events()).toEqual(['delivered']);
  });

  it('is published once by simultaneous polls and deliveries', async () => {
    const job = await submitted();
    await Promise.all([look(job), look(job), deliver(job), look(job)]);
    expect(events()).toHaveLength(1);
  });

  it('is published for each id under which it is delivered', async () => {
    const job = await submitted();
    const answers = await Promise.all([deliver(job), deliver(job)]);
    answers.push(await deliver(job));
    expect(answers).toEqual(Array.from({ length: 3 }, () => ({ status: 'published' })));
    const signed = eventOf(job);
    expect(await deliver(job, signed)).toEqual({ status: 'published' });
    expect(await deliver(job, signed)).toEqual({ status: 'duplicate' });
    expect(events()).toHaveLength(4);
  });

  it('is published when it is delivered if the publication after a poll failed', async () => {
    const job = await submitted();
    app.publisher.fail('unavailable');
    await look(job);
    app.publisher.reset();
    expect(await deliver(job)).toEqual({ status: 'published' });
  });
});
