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
let matcher: JobMatcher;

beforeEach(() => {
  gemini = new FakeGemini();
  registry = new MemoryJobRegistry();
  matcher = new JobMatcher(registry, gemini);
});

function byPath(body: string, job: Job | typeof LOST = JOB) {
  const bytes = Buffer.from(body);
  return matcher.matchByPath(
    CAPABILITY,
    job === LOST ? undefined : job,
    parseGeminiEvent(bytes),
    bytes,
  );
}

const byName = (body: string) => matcher.matchByName(parseGeminiEvent(Buffer.from(body)));

const event = (user_metadata?: object) =>
  eventBody('batch.succeeded', { id: 'batches/1', user_metadata });
const eventAround = (user_metadata: object) =>
  JSON.stringify({ type: 'batch.succeeded', data: { id: '1' }, user_metadata });

describe('matchByPath', () => {
  it.each(['batches/1', 'batch_1', '1'])('matches the event about %s', (id) => {
    expect(byPath(eventBody('batch.succeeded', { id }))).toEqual({
      jobId: ID,
      correlationId: 'correlation-1',
      metadata: { tenant: 'blue', n: 1 },
      geminiName: 'batches/1',
      isRegistered: true,
      endId: `${ID}:batch.succeeded`,
    });
  });

  it('refuses an event with another name, or of another kind', () => {
    expect(byPath(eventBody('batch.succeeded', { id: 'batches/2' }))).toBe('other-job');
    expect(byPath(eventBody('video.generated', { id: 'batches/1' }))).toBe('other-job');
  });

  it('matches a video that the event names by its file only', () => {
    const name = 'models/veo/operations/1';
    const video = { ...JOB, kind: 'video', geminiName: name };
    const body = eventBody('video.generated', { file_id: 'files/abc' });
    expect(byPath(body, video)).toMatchObject({
      endId: `${ID}:video.generated`,
      geminiName: name,
    });
  });

  it.each([event, eventAround])(
    'accepts repeated metadata, and refuses altered ones',
    (body) => {
      expect(byPath(body(GIVEN))).toMatchObject({ jobId: ID });
      expect(byPath(body({ ...GIVEN, tenant: 'red' }))).toBe('other-metadata');
      expect(byPath(body({ ...GIVEN, bridge_job_id: 'x' }))).toBe('other-job-id');
      expect(byPath(body({ ...GIVEN, more: 1 }))).toBe('other-metadata');
    },
  );

  it.each([event, eventAround])('accepts empty metadata', (body) => {
    expect(byPath(body({}))).toMatchObject({ jobId: ID });
    const elsewhere = { id: 'batches/1', user_metadata: {}, userMetadata: { n: 2 } };
    expect(byPath(eventBody('batch.succeeded', elsewhere))).toBe('other-metadata');
  });

  it('refuses metadata that are nested too deeply', () => {
    const deep = '['.repeat(50_000) + ']'.repeat(50_000);
    const body = event({ deep: 'here' }).replace('"here"', deep);
    expect(byPath(body)).toBe('other-metadata');
  });

  it('takes the metadata of a lost job from the event, if its hash confirms them', () => {
    const unregistered = {
      jobId: ID,
      correlationId: 'correlation-1',
      isRegistered: false,
    };
    expect(byPath(event(GIVEN), LOST)).toMatchObject({
      ...unregistered,
      metadata: { tenant: 'blue', n: '1' },
    });
    expect(byPath(event(), LOST)).toMatchObject({ ...unregistered, metadata: undefined });
    expect(byPath(event({ ...GIVEN, tenant: 'red' }), LOST)).toBe('other-metadata');
  });

  it('gives events of a lost job with different names different end ids', () => {
    const endIds = ['batches/1', 'batches/2'].map((id) => {
      const found = byPath(eventBody('batch.succeeded', { id }), LOST);
      return typeof found === 'string' ? found : found.endId;
    });
    expect(new Set(endIds).size).toBe(2);
  });
});

describe('matchByName', () => {
  const STATIC = { ...without(JOB, 'geminiName'), announcedBy: 'static' } as const;

  it('finds a job in the registry, without a call of Gemini', async () => {
    await registry.add(JOB);
    expect(await byName(eventBody())).toMatchObject({ jobId: ID });
    const other = eventBody('batch.succeeded', { id: 'batches/2' });
    expect(await byName(other)).toBeUndefined();
    expect(gemini.asked).toEqual([]);
  });

  it('finds a job without a name by the id in its display name', async () => {
    await registry.add(STATIC);
    gemini.answer = () =>
      Promise.resolve({ metadata: { displayName: `nightly [${ID}]` } });
    expect(await byName(eventBody())).toMatchObject({ jobId: ID });
    expect(await registry.find(ID)).toMatchObject({ geminiName: 'batches/1' });
  });

  it('finds a job that counted as unknown or not accepted', async () => {
    for (const more of [
      { state: 'unknown' },
      { state: 'failed', error: { code: NOT_TAKEN, message: 'no' } },
    ] as const) {
      await registry.add({ ...STATIC, ...more, endedAt: '2026-01-02T00:00:00.000Z' });
      gemini.answer = () => Promise.resolve({ metadata: { displayName: `[${ID}]` } });
      expect(await byName(eventBody())).toMatchObject({ jobId: ID });
      await registry.forgetEnded(Infinity, 1);
    }
  });

  it('does not ask Gemini about a kind that has webhooks of its own', async () => {
    await registry.add(STATIC);
    expect(
      await byName(eventBody('interaction.completed', { id: 'v1_1' })),
    ).toBeUndefined();
    const strange = eventBody('batch.succeeded', { id: 'files/../1' });
    expect(await byName(strange)).toBeUndefined();
    expect(gemini.asked).toEqual([]);
  });

  it.each([400, 403, 404])('finds none when Gemini answers %i', async (status) => {
    await registry.add(STATIC);
    gemini.answer = () => Promise.reject(new GeminiError('no', 'refused', { status }));
    expect(await byName(eventBody())).toBeUndefined();
  });

  it('finds none when the answer of Gemini cannot be parsed', async () => {
    await registry.add(STATIC);
    gemini.answer = () => Promise.resolve({ done: true });
    expect(await byName(eventBody())).toBeUndefined();
  });

  it.each([429, 500, undefined])('fails while Gemini answers %p', async (status) => {
    await registry.add(STATIC);
    const effect = status === 429 ? 'refused' : 'unknown';
    gemini.answer = () => Promise.reject(new GeminiError('no', effect, { status }));
    await expect(byName(eventBody())).rejects.toBeInstanceOf(GeminiError);
  });

  it('finds none when another job has the id in its display name', async () => {
    await registry.add({ ...STATIC, id: 'other' });
    await registry.add(JOB);
    gemini.answer = () => Promise.resolve({ metadata: { displayName: `[${ID}]` } });
    const other = eventBody('batch.succeeded', { id: 'batches/2' });
    expect(await byName(other)).toBeUndefined();
  });
});
