import type { Leftover, MemoryUse, Violation } from './evidence.js';

/**
 * Allowed growth of a process. V8 collects garbage late: a process that had ten thousand open promises in an outage is
 * 20 to 80 MiB larger after the first outage, and not larger after the next.
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
      `replica ${replica} took ${peakMiB} MiB`,
    ),
  ]);
}

export function leftoverViolations(leftovers: readonly Leftover[]): Violation[] {
  return leftovers.flatMap(({ replica, metric, value }) =>
    resource(
      'leftover',
      value !== 0,
      `${metric} of replica ${replica} is ${value} after the run, not 0`,
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
