import { beforeEach, describe, expect, it } from '@jest/globals';
import { JobMatcher } from '../../../../src/receiver/job-matching/job-matcher.js';
import { parseGeminiEvent } from '../../../../src/events/gemini-event.js';
import { GeminiError } from '../../../../src/gemini/gemini.error.js';
import { metadataHash, userMetadataOf } from '../../../../src/jobs/correlation.js';
import { NOT_TAKEN, type Job } from '../../../../src/jobs/job.js';
import { without } from '../../../../src/infrastructure/json/json.js';
import { MemoryJobRegistry } from '../../../../src/jobs/registry/memory.job-registry.js';
import { FakeGemini } from '../../../support/fake-gemini.js';
import { knownJob } from '../../../support/jobs.js';
import { eventBody } from '../../../support/sender.js';

const ID = '01998f6e-0000-7000-8000-000000000001';
const JOB = knownJob({ id: ID, metadata: { tenant: 'blue', n: 1 } });
const CAPABILITY = {
  jobId: ID,
  correlationId: 'correlation-1',
  metadataHash: metadataHash(userMetadataOf(JOB)),
};
const GIVEN = {
  n: '1',
  tenant: 'blue',
  bridge_job_id: ID,
  correlation_id: 'correlation-1',
};

const LOST = 'lost';

let gemini: FakeGemini;
let registry: MemoryJobRegistry;
let identity: JobMatcher;

beforeEach(() => {
  gemini = new FakeGemini();
  registry = new MemoryJobRegistry();
  identity = new JobMatcher(registry, gemini);
});

function ofPath(body: string, job: Job | typeof LOST = JOB) {
  const bytes = Buffer.from(body);
  return identity.ofPath(
    CAPABILITY,
    job === LOST ? undefined : job,
    parseGeminiEvent(bytes),
    bytes,
  );
}

const ofName = (body: string) => identity.ofName(parseGeminiEvent(Buffer.from(body)));

const event = (user_metadata?: object) =>
  eventBody('batch.succeeded', { id: 'batches/1', user_metadata });
const eventAround = (user_metadata: object) =>
  JSON.stringify({ type: 'batch.succeeded', data: { id: '1' }, user_metadata });

describe('the job of a path', () => {
  it.each(['batches/1', 'batch_1', '1'])('is the one that %s names', (id) => {
    expect(ofPath(eventBody('batch.succeeded', { id }))).toEqual({
      jobId: ID,
      correlationId: 'correlation-1',
      metadata: { tenant: 'blue', n: 1 },
      geminiName: 'batches/1',
      isRegistered: true,
      outcome: `${ID}:batch.succeeded`,
    });
  });

  it('is not one of another name, or of another kind', () => {
    expect(ofPath(eventBody('batch.succeeded', { id: 'batches/2' }))).toBe('other-job');
    expect(ofPath(eventBody('video.generated', { id: 'batches/1' }))).toBe('other-job');
  });

  it('of a video that is known by its file only, is its own', () => {
    const name = 'models/veo/operations/1';
    const video = { ...JOB, kind: 'video', geminiName: name };
    const body = eventBody('video.generated', { file_id: 'files/abc' });
    expect(ofPath(body, video)).toMatchObject({
      outcome: `${ID}:video.generated`,
      geminiName: name,
    });
  });

  it.each([event, eventAround])('may repeat its metadata, but not alter it', (body) => {
    expect(ofPath(body(GIVEN))).toMatchObject({ jobId: ID });
    expect(ofPath(body({ ...GIVEN, tenant: 'red' }))).toBe('other-metadata');
    expect(ofPath(body({ ...GIVEN, bridge_job_id: 'x' }))).toBe('other-job-id');
    expect(ofPath(body({ ...GIVEN, more: 1 }))).toBe('other-metadata');
  });

  it.each([event, eventAround])('may leave its metadata empty', (body) => {
    expect(ofPath(body({}))).toMatchObject({ jobId: ID });
    const elsewhere = { id: 'batches/1', user_metadata: {}, userMetadata: { n: 2 } };
    expect(ofPath(eventBody('batch.succeeded', elsewhere))).toBe('other-metadata');
  });

  it('is not one whose metadata nobody can walk through', () => {
    const deep = '['.repeat(50_000) + ']'.repeat(50_000);
    const body = event({ deep: 'here' }).replace('"here"', deep);
    expect(ofPath(body)).toBe('other-metadata');
  });

  it('that the registry lost has the metadata that its hash vouches for', () => {
    const unregistered = {
      jobId: ID,
      correlationId: 'correlation-1',
      isRegistered: false,
    };
    expect(ofPath(event(GIVEN), LOST)).toMatchObject({
      ...unregistered,
      metadata: { tenant: 'blue', n: '1' },
    });
    expect(ofPath(event(), LOST)).toMatchObject({ ...unregistered, metadata: undefined });
    expect(ofPath(event({ ...GIVEN, tenant: 'red' }), LOST)).toBe('other-metadata');
  });

  it('that the registry lost does not let one job’s end stand for another’s', () => {
    const outcomes = ['batches/1', 'batches/2'].map((id) => {
      const found = ofPath(eventBody('batch.succeeded', { id }), LOST);
      return typeof found === 'string' ? found : found.outcome;
    });
    expect(new Set(outcomes).size).toBe(2);
  });
});

describe('the job of a name', () => {
  const STATIC = { ...without(JOB, 'geminiName'), announcedBy: 'static' } as const;

  it('is found when it is ours, and nobody is asked when none can be', async () => {
    await registry.add(JOB);
    expect(await ofName(eventBody())).toMatchObject({ jobId: ID });
    const other = eventBody('batch.succeeded', { id: 'batches/2' });
    expect(await ofName(other)).toBeUndefined();
    expect(gemini.asked).toEqual([]);
  });

  it('that we do not know yet is found by our id in its display name', async () => {
    await registry.add(STATIC);
    gemini.answer = () =>
      Promise.resolve({ metadata: { displayName: `nightly [${ID}]` } });
    expect(await ofName(eventBody())).toMatchObject({ jobId: ID });
    expect(await registry.find(ID)).toMatchObject({ geminiName: 'batches/1' });
  });

  it('is found as well when the bridge gave it up, or for not taken', async () => {
    for (const more of [
      { state: 'unknown' },
      { state: 'failed', error: { code: NOT_TAKEN, message: 'no' } },
    ] as const) {
      await registry.add({ ...STATIC, ...more, endedAt: '2026-01-02T00:00:00.000Z' });
      gemini.answer = () => Promise.resolve({ metadata: { displayName: `[${ID}]` } });
      expect(await ofName(eventBody())).toMatchObject({ jobId: ID });
      await registry.forgetEnded(Infinity, 1);
    }
  });

  it('is nobody’s whose end a webhook of its own tells: Gemini is not asked', async () => {
    await registry.add(STATIC);
    expect(
      await ofName(eventBody('interaction.completed', { id: 'v1_1' })),
    ).toBeUndefined();
    const strange = eventBody('batch.succeeded', { id: 'files/../1' });
    expect(await ofName(strange)).toBeUndefined();
    expect(gemini.asked).toEqual([]);
  });

  it.each([400, 403, 404])('that Gemini answers %i for is not ours', async (status) => {
    await registry.add(STATIC);
    gemini.answer = () => Promise.reject(new GeminiError('no', 'refused', { status }));
    expect(await ofName(eventBody())).toBeUndefined();
  });

  it('is not ours where Gemini’s answer cannot be read', async () => {
    await registry.add(STATIC);
    gemini.answer = () => Promise.resolve({ done: true });
    expect(await ofName(eventBody())).toBeUndefined();
  });

  it.each([429, 500, undefined])(
    'has to wait while Gemini answers %p',
    async (status) => {
      await registry.add(STATIC);
      const outcome = status === 429 ? 'refused' : 'unknown';
      gemini.answer = () => Promise.reject(new GeminiError('no', outcome, { status }));
      await expect(ofName(eventBody())).rejects.toBeInstanceOf(GeminiError);
    },
  );

  it('is not that of somebody who wrote our id into another job’s display name', async () => {
    await registry.add({ ...STATIC, id: 'other' });
    await registry.add(JOB);
    gemini.answer = () => Promise.resolve({ metadata: { displayName: `[${ID}]` } });
    const other = eventBody('batch.succeeded', { id: 'batches/2' });
    expect(await ofName(other)).toBeUndefined();
  });
});
