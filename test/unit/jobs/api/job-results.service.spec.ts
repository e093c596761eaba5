import { expect, it } from '@jest/globals';
import { JobResults } from '../../../../src/jobs/api/job-results.service.js';
import { JobService } from '../../../../src/jobs/api/job.service.js';
import type { Job } from '../../../../src/jobs/job.js';
import { MemoryJobRegistry } from '../../../../src/jobs/registry/memory.job-registry.js';
import { FakeGemini } from '../../../support/fake-gemini.js';
import { knownJob } from '../../../support/jobs.js';

const ENDED = '2026-01-01T00:00:00.000Z';

async function problemOf(job: Partial<Job>, answer: unknown) {
  const gemini = new FakeGemini();
  const registry = new MemoryJobRegistry();
  await registry.add(knownJob({ state: 'succeeded', endedAt: ENDED, ...job }));
  gemini.answer = () => Promise.resolve(answer);
  const jobs = new JobService(gemini, registry);
  const results = new JobResults(gemini, registry, jobs);
  const { signal } = new AbortController();
  return results.open('job-1', undefined, signal).then(
    () => undefined,
    (error: unknown) => error,
  );
}

it.each<[string, Partial<Job>, unknown, number, string]>([
  [
    'that Gemini tells of in another form',
    {},
    { metadata: 1 },
    504,
    'gemini-unavailable',
  ],
  [
    'that is in a bucket',
    {},
    { metadata: { output: { responsesFile: 'gs://bucket/files/1' } } },
    409,
    'result-elsewhere',
  ],
  ['of a job that failed', { state: 'failed' }, { metadata: {} }, 404, 'no-result'],
])('a result %s is a problem of its own', async (_, job, answer, status, code) => {
  expect(await problemOf(job, answer)).toMatchObject({ status, code });
});
