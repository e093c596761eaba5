import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findingsOf, nameOfRun } from './report.js';
import { runSchedule } from './run.js';
import { scheduleOf } from './schedule.js';
import { World } from './world.js';

/** Two short schedules. `npm run test:faults` runs more and longer ones. */
const SHORT = [
  scheduleOf(3, {
    store: 'log',
    brokers: 1,
    seconds: 20,
    only: ['broker-hang', 'replica-kill', 'redis-wipe', 'broker-kill'],
  }),
  scheduleOf(7, {
    store: 'redis',
    brokers: 1,
    seconds: 15,
    only: ['redis-hang', 'net-hold', 'replica-kill'],
  }),
];

describe('a short fault campaign', () => {
  let world: World;

  beforeAll(async () => {
    world = await World.start(1);
  }, 120_000);
  afterAll(() => world?.[Symbol.asyncDispose](), 60_000);

  it.each(SHORT.map((schedule) => [nameOfRun(schedule), schedule] as const))(
    '%s: nothing lost, forged, changed, or doubled without a documented cause',
    async (_name, schedule) => {
      const result = await runSchedule(world, schedule);
      expect(findingsOf(result)).toBe('');
      expect(result.verdict.counts['events']).toBeGreaterThan(500);
    },
    240_000,
  );
});
