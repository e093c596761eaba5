import type { Leftover, MemoryUse, Violation } from './evidence.js';

/**
 * V8 lets garbage stand as long as there is room: a process that was idle before the load, and
 * had ten thousand promises open in an outage, is 20 to 80 MiB larger after it, and no more
 * after the next.
 */
const MAX_GROWTH_MIB = 90;
const MAX_PEAK_MIB = 250;

export function memoryViolations(memory: readonly MemoryUse[]): Violation[] {
  return memory.flatMap(({ replica, startMiB, peakMiB, endMiB }) => [
    ...resource(
      'memory',
      endMiB - startMiB > MAX_GROWTH_MIB,
      `replica ${replica} grew from ${startMiB} to ${endMiB} MiB`,
    ),
    ...resource(
      'memory',
      peakMiB > MAX_PEAK_MIB,
      `replica ${replica} had ${peakMiB} MiB`,
    ),
  ]);
}

export function leftoverViolations(leftovers: readonly Leftover[]): Violation[] {
  return leftovers.flatMap(({ replica, metric, value }) =>
    resource(
      'leftover',
      value !== 0,
      `${metric} of replica ${replica} is ${value} when all is quiet`,
    ),
  );
}

function resource(
  kind: 'memory' | 'leftover',
  isBroken: boolean,
  sentence: string,
): Violation[] {
  return isBroken ? [{ kind, ids: [], sentence }] : [];
}
