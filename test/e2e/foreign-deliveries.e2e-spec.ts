import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { GeminiEmulator } from '../../packages/gemini-emulator/src/emulator.js';
import type { TestApp } from '../support/app.js';
import { startEmulatedApp, type EmulatedApp } from '../support/emulated-app.js';
import { ask, post, signedV1a } from '../support/sender.js';

const TENANT = { tenant: 'blue' };

let world: EmulatedApp;
let gemini: GeminiEmulator;
let app: TestApp;

beforeAll(async () => {
  world = await startEmulatedApp();
  ({ app, gemini } = world);
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

beforeEach(() => app.publisher.reset());

interface Job {
  readonly id: string;
  readonly geminiName: string;
  /** Path of its webhook in the request to Gemini. */
  readonly path: string;
}

async function submitted(): Promise<Job> {
  const { json } = await ask(`${app.internalUrl}/v1/batches`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'gemini-flash',
      requests: [{ request: { contents: [{ parts: [{ text: 'hi' }] }] } }],
      metadata: TENANT,
      correlationId: 'order-1',
    }),
  });
  const { id, geminiName } = json as Job;
  const [uri = ''] = gemini.batches.get(geminiName).webhookUris;
  return { id, geminiName, path: new URL(uri).pathname };
}

/** Signed with Google's keys, as the deliveries of every project are. */
const deliver = (path: string, data: object) =>
  post(
    app.url + path,
    signedV1a(gemini.keys, {
      body: JSON.stringify({ type: 'batch.succeeded', version: 'v1', data }),
    }),
  );

const metadataOf = ({ id }: Job) => ({
  ...TENANT,
  correlation_id: 'order-1',
  bridge_job_id: id,
});

async function counted(metric: string, reason: string): Promise<number> {
  const { text } = await ask(`${app.internalUrl}/metrics`);
  const line = new RegExp(
    `^gemini_bridge_${metric}\\{reason="${reason}"\\} (\\d+)$`,
    'm',
  );
  return Number(line.exec(text)?.[1] ?? 0);
}

const topics = () => app.publisher.delivered.map(({ topic }) => topic);

describe('a delivery with a signature of Google', () => {
  it('with the metadata of the job is published', async () => {
    const job = await submitted();
    const { geminiName: id } = job;
    const answer = await deliver(job.path, { id, user_metadata: metadataOf(job) });
    expect(answer).toMatchObject({ status: 200, json: { status: 'published' } });
    expect(topics()).toEqual(['gemini.batch.succeeded']);
  });

  it('under an altered token is refused', async () => {
    const job = await submitted();
    const other = await submitted();
    const [header, , signature] = (job.path.split('/').pop() ?? '').split('.');
    const payload = (other.path.split('/').pop() ?? '').split('.')[1];
    const path = `/webhooks/gemini/jobs/${header}.${payload}.${signature}`;
    const before = await counted('refusals_total', 'capability-invalid');
    expect(await deliver(path, { id: other.geminiName })).toMatchObject({
      status: 401,
      json: { reason: 'capability-invalid' },
    });
    expect(await counted('refusals_total', 'capability-invalid')).toBe(before + 1);
    expect(topics()).toEqual([]);
  });

  it.each<[string, string, (job: Job) => object]>([
    ['of another project’s job', 'other-job', () => ({ id: 'batches/theirs' })],
    [
      'with altered metadata',
      'other-metadata',
      (job) => ({
        id: job.geminiName,
        user_metadata: { ...metadataOf(job), tenant: 'red' },
      }),
    ],
    [
      'with the id of another service’s job',
      'other-job-id',
      (job) => ({
        id: job.geminiName,
        user_metadata: { ...metadataOf(job), bridge_job_id: 'theirs' },
      }),
    ],
  ])('%s goes to the dead letter topic', async (_, reason, data) => {
    const job = await submitted();
    const before = await counted('dead_letters_total', reason);
    expect((await deliver(job.path, data(job))).status).toBe(200);
    expect(app.publisher.delivered).toMatchObject([
      { topic: 'gemini-bridge.dead-letter', headers: { 'bridge-reason': reason } },
    ]);
    expect(await counted('dead_letters_total', reason)).toBe(before + 1);
  });
});
