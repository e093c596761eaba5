import { describe, expect, it } from '@jest/globals';
import { FAULT_NAMES, kindOf } from './fault-kinds.js';
import {
  scheduleOf,
  type PlannedFault,
  type Schedule,
  type ScheduleOptions,
} from './schedule.js';

const SEEDS = Array.from({ length: 200 }, (_, i) => i + 1);
const OPTIONS: ScheduleOptions[] = [
  {},
  { seconds: 20 },
  { store: 'log' },
  { store: 'redis', brokers: 3 },
  { store: 'memory', brokers: 1 },
];

const endOf = ({ atMs, durationMs }: PlannedFault): number => atMs + durationMs;

const placeOf = ({ store, brokers, replicas }: Schedule) => [store, brokers, replicas];

describe('the schedule of a seed', () => {
  it.each(SEEDS.slice(0, 20))('%i is always the same', (seed) => {
    expect(scheduleOf(seed)).toEqual(scheduleOf(seed));
  });

  it('differs for another seed', () => {
    const texts = SEEDS.map((seed) => JSON.stringify(scheduleOf(seed).faults));
    expect(new Set(texts).size).toBe(SEEDS.length);
  });

  it('has the same stage for any duration of the load', () => {
    for (const seed of SEEDS) {
      expect(placeOf(scheduleOf(seed, { seconds: 30 }))).toEqual(
        placeOf(scheduleOf(seed)),
      );
    }
  });

  it.each(OPTIONS)('has faults that all end within the load, with %j', (options) => {
    for (const seed of SEEDS) {
      const { faults, seconds } = scheduleOf(seed, options);
      expect(faults.length).toBeGreaterThanOrEqual(1);
      expect(faults.length).toBeLessThanOrEqual(7);
      for (const fault of faults) {
        expect(Number.isInteger(fault.atMs)).toBe(true);
        expect(fault.atMs).toBeGreaterThanOrEqual(2000);
        expect(endOf(fault)).toBeLessThan(seconds * 1000);
      }
    }
  });

  it.each(OPTIONS)('aims at brokers and replicas that exist, with %j', (options) => {
    for (const seed of SEEDS) {
      const schedule = scheduleOf(seed, options);
      for (const { fault, target } of schedule.faults) {
        const { part, aim, suits } = kindOf(fault);
        expect([fault, suits?.(schedule) ?? true]).toEqual([fault, true]);
        const ofReplicas = part === 'replica' || part === 'clock';
        expect(target).toBeLessThan(ofReplicas ? schedule.replicas : schedule.brokers);
        if (aim === 'one') expect(target).toBeGreaterThanOrEqual(0);
      }
    }
  });

  it.each(OPTIONS)('breaks no part that is still broken, with %j', (options) => {
    for (const seed of SEEDS) {
      const { faults } = scheduleOf(seed, options);
      for (const [i, one] of faults.entries()) {
        for (const other of faults.slice(i + 1)) {
          const { part } = kindOf(one.fault);
          const isSame = part === kindOf(other.fault).part;
          const apart =
            ['replica', 'clock'].includes(part) && one.target !== other.target;
          if (isSame && !apart) expect(other.atMs).toBeGreaterThan(endOf(one));
        }
      }
    }
  });

  it('has one replica with the store memory', () => {
    for (const seed of SEEDS) {
      expect(scheduleOf(seed, { store: 'memory' }).replicas).toBe(1);
    }
  });

  it('uses every fault and overlapping faults over many seeds', () => {
    const schedules = SEEDS.map((seed) => scheduleOf(seed));
    const used = new Set(schedules.flatMap(({ faults }) => faults.map((f) => f.fault)));
    expect(FAULT_NAMES.filter((name) => !used.has(name))).toEqual([]);
    const entangled = schedules.filter(({ faults }) =>
      faults.some((one, i) => faults.slice(i + 1).some((next) => next.atMs < endOf(one))),
    );
    expect(entangled.length).toBeGreaterThan(SEEDS.length / 3);
  });

  it('has exactly the given faults, one after another', () => {
    const { faults } = scheduleOf(1, {
      only: ['broker-kill', 'jwks-500', 'broker-hang'],
    });
    expect(faults.map(({ fault }) => fault)).toEqual([
      'broker-kill',
      'jwks-500',
      'broker-hang',
    ]);
    for (const [i, fault] of faults.slice(0, -1).entries()) {
      expect(endOf(fault)).toBeLessThan(faults[i + 1]?.atMs ?? 0);
    }
  });
});
