import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { FaultName } from './fault-kinds.js';
import { runSchedule } from './run.js';
import { scheduleOf } from './schedule.js';
import { World } from './world.js';

const SEEDS = 10;
const SECONDS = 10;

/** The breaks, each with the kind of violation that must be found and the fault that reveals it. */
const BREAKS: [name: string, kind: string, faults: FaultName[]][] = [
  ['answer-before-ack', 'lost', ['broker-kill']],
  ['mark-first', 'lost', ['net-hold']],
  ['skip-lease', 'doubled', ['net-slow']],
];

/** Breaks the bridge on purpose, to check that the oracle finds the broken promise. */
describe('a bridge that is broken on purpose', () => {
  let world: World;

  beforeAll(async () => {
    world = await World.start(1);
  }, 120_000);
  afterAll(() => world?.[Symbol.asyncDispose](), 60_000);

  /** The first seed whose run has a finding of that kind; 0 if none has. */
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
    'by %s has findings of the kind %s',
    async (name, kind, faults) => {
      const { seed, kinds } = await foundBy(name, kind, faults);
      expect(kinds).toContain(kind);
      expect(seed).toBeGreaterThan(0);
    },
    600_000,
  );
});
