import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { FaultName } from './fault-kinds.js';
import { runSchedule } from './run.js';
import { scheduleOf } from './schedule.js';
import { World } from './world.js';

const SEEDS = 10;
const SECONDS = 10;

/** What each break is found by, and the fault that brings it to light. */
const BREAKS: [name: string, kind: string, faults: FaultName[]][] = [
  ['answer-before-ack', 'lost', ['broker-kill']],
  ['mark-first', 'lost', ['net-hold']],
  ['skip-lease', 'doubled', ['net-slow']],
];

/** An oracle that finds nothing proves nothing: here is a bridge that breaks its promises. */
describe('a bridge that is broken on purpose', () => {
  let world: World;

  beforeAll(async () => {
    world = await World.start(1);
  }, 120_000);
  afterAll(() => world?.[Symbol.asyncDispose](), 60_000);

  /** The first seed that finds it; 0 when none does. */
  async function foundBy(
    name: string,
    kind: string,
    only: FaultName[],
  ): Promise<{ seed: number; kinds: string[] }> {
    const preloads = [join(import.meta.dirname, 'breaks', `${name}.mjs`)];
    const kinds = new Set<string>();
    for (let seed = 1; seed <= SEEDS; seed++) {
      const schedule = scheduleOf(seed, {
        store: 'log',
        brokers: 1,
        seconds: SECONDS,
        only,
      });
      const { findings } = await runSchedule(world, schedule, { preloads });
      for (const finding of findings) kinds.add(finding.kind);
      if (kinds.has(kind)) return { seed, kinds: Array.from(kinds) };
    }
    return { seed: 0, kinds: Array.from(kinds) };
  }

  it.each(BREAKS)(
    '(%s) is found out: %s',
    async (name, kind, faults) => {
      const { seed, kinds } = await foundBy(name, kind, faults);
      expect(kinds).toContain(kind);
      expect(seed).toBeGreaterThan(0);
    },
    600_000,
  );
});
