import { Logger } from '@nestjs/common';
import {
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import { Metrics } from '../../../src/infrastructure/metrics/metrics.js';
import { JobsMetrics } from '../../../src/jobs/jobs.metrics.js';
import { MemoryJobRegistry } from '../../../src/jobs/registry/memory.job-registry.js';
import { knownJob } from '../../support/jobs.js';

const COUNT = 'gemini_bridge_jobs';
const AGE = 'gemini_bridge_oldest_open_job_age_seconds';

let registry: MemoryJobRegistry;
let metrics: Metrics;
let jobsMetrics: JobsMetrics;

beforeAll(() => Logger.overrideLogger(false));

beforeEach(() => {
  jest.useFakeTimers({
    now: Date.parse('2026-01-01T01:00:00Z'),
    doNotFake: ['nextTick'],
  });
  registry = new MemoryJobRegistry();
  metrics = new Metrics();
  jobsMetrics = new JobsMetrics(registry, metrics);
});

afterEach(() => {
  jobsMetrics.beforeApplicationShutdown();
  jest.useRealTimers();
});

async function valuesOf(name: string): Promise<Record<string, number>> {
  const { values } = await metrics.registry.getSingleMetric(name)!.get();
  return Object.fromEntries(
    values.map(({ labels, value }) => [Object.values(labels).join(' '), value]),
  );
}

describe('JobsMetrics', () => {
  it('shows no numbers before the registry has answered', async () => {
    expect(await valuesOf(COUNT)).toEqual({});
    expect(await valuesOf(AGE)).toEqual({ '': -1 });
  });

  it('shows a series of each kind and state, and the age of the oldest open job', async () => {
    await jobsMetrics.refresh();
    expect(await valuesOf(AGE)).toEqual({ '': 0 });
    await registry.add(knownJob({ createdAt: '2026-01-01T00:00:00.000Z' }));
    await jobsMetrics.refresh();
    const counts = await valuesOf(COUNT);
    expect(counts).toMatchObject({ 'batch submitted': 1, 'video failed': 0 });
    expect(Object.values(counts).filter((count) => count > 0)).toEqual([1]);
    expect(await valuesOf(AGE)).toEqual({ '': 3600 });
  });

  it('has an age that grows between two refreshes', async () => {
    await registry.add(knownJob({ createdAt: '2026-01-01T00:00:00.000Z' }));
    await jobsMetrics.refresh();
    jest.setSystemTime(Date.parse('2026-01-01T01:00:10Z'));
    expect(await valuesOf(AGE)).toEqual({ '': 3610 });
  });

  it('drops the numbers while the registry does not answer, and shows them again', async () => {
    await jobsMetrics.refresh();
    expect(await valuesOf(AGE)).toEqual({ '': 0 });
    const stats = jest.spyOn(registry, 'stats');
    stats.mockRejectedValueOnce(new Error('no answer'));
    jobsMetrics.onApplicationBootstrap();
    await new Promise((resolve) => process.nextTick(resolve));
    expect(await valuesOf(AGE)).toEqual({ '': -1 });
    expect(await valuesOf(COUNT)).toEqual({});
    await jobsMetrics.refresh();
    expect(await valuesOf(AGE)).toEqual({ '': 0 });
  });
});
