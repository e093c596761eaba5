import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { GoogleKeys } from '../../dev/gemini/signing.js';
import { JobCaretaker } from '../../src/jobs/job.caretaker.js';
import { newJobId } from '../../src/registry/job-id.js';
import { JobRegistry } from '../../src/registry/job-registry.js';
import type { Job } from '../../src/registry/job.js';
import { startApp, type TestApp } from '../support/app.js';
import { knownJob } from '../support/jobs.js';
import { json, LoopbackServer } from '../support/loopback-server.js';
import { eventBody, post, signedV1a } from '../support/sender.js';

const KEYS = GoogleKeys.create();

let google: LoopbackServer;
let gemini: LoopbackServer;
let app: TestApp;

beforeAll(async () => {
  google = await LoopbackServer.start(json(KEYS.jwks()));
  gemini = await LoopbackServer.start(
    json({ name: 'batches/1', metadata: { state: 'BATCH_STATE_SUCCEEDED' } }),
  );
  app = await startApp({
    JWKS_URL: `${google.url}/jwks`,
    GEMINI_URL: gemini.url,
    GEMINI_API_KEY: 'a-key-for-gemini',
  });
});

afterAll(async () => {
  await app[Symbol.asyncDispose]();
  await google[Symbol.asyncDispose]();
  await gemini[Symbol.asyncDispose]();
});

beforeEach(() => app.publisher.reset());

/** A job that nobody has been heard of. */
async function submitted(): Promise<Job> {
  const job = knownJob({ id: newJobId(), createdAt: new Date().toISOString() });
  return app.get(JobRegistry).add(job);
}

const look = (job: Job) => app.get(JobCaretaker).attend([job]);

const deliver = async ({ id, correlationId }: Job, signed = signedV1a(KEYS)) =>
  (await post(app.url + (await app.jobPath(id, correlationId)), signed)).json;

/** What is told of the batch, its life apart. */
const events = () =>
  app.publisher.records
    .filter(({ topic }) => topic === 'gemini.batch.succeeded')
    .map(({ headers }) => headers['bridge-reconciled'] ?? 'delivered');

describe('the end of a job', () => {
  it('that was found out is not published when it is delivered after all', async () => {
    const job = await submitted();
    await look(job);
    expect(await deliver(job)).toEqual({ status: 'duplicate' });
    expect(events()).toEqual(['true']);
  });

  it('that was delivered is not found out', async () => {
    const job = await submitted();
    expect(await deliver(job)).toEqual({ status: 'published' });
    await look(job);
    expect(events()).toEqual(['delivered']);
  });

  it('is found out by one of many who ask at the same time', async () => {
    const job = await submitted();
    await Promise.all([look(job), look(job), deliver(job), look(job)]);
    expect(events()).toHaveLength(1);
  });

  it('that is delivered under two ids is two events: neither is a repeat', async () => {
    const job = await submitted();
    const answers = await Promise.all([deliver(job), deliver(job)]);
    answers.push(await deliver(job));
    expect(answers).toEqual(Array.from({ length: 3 }, () => ({ status: 'published' })));
    const signed = signedV1a(KEYS, { body: eventBody() });
    expect(await deliver(job, signed)).toEqual({ status: 'published' });
    expect(await deliver(job, signed)).toEqual({ status: 'duplicate' });
    expect(events()).toHaveLength(4);
  });

  it('that could not be published by who found it out is taken from who delivers it', async () => {
    const job = await submitted();
    app.publisher.fail('unavailable');
    await look(job);
    app.publisher.reset();
    expect(await deliver(job)).toEqual({ status: 'published' });
  });
});
