import type { LoadResult } from './load.js';
import type { ServerName } from './options.js';

/** The measurements of each server, one per round, in order. */
export type Rounds = ReadonlyMap<ServerName, readonly LoadResult[]>;

interface Column {
  title: string;
  digits: number;
  of: (result: LoadResult) => number;
}

const COLUMNS: readonly Column[] = [
  { title: 'events/s', digits: 0, of: (result) => result.eventsPerSecond },
  { title: 'p50 ms', digits: 2, of: (result) => result.latencyMs.p50 },
  { title: 'p99 ms', digits: 2, of: (result) => result.latencyMs.p99 },
  { title: 'p99.9 ms', digits: 2, of: (result) => result.latencyMs.p999 },
  { title: 'CPU µs/event', digits: 1, of: (result) => result.serverMicrosPerEvent },
  { title: 'RSS MiB', digits: 0, of: (result) => result.serverMemory.residentMiB },
  { title: 'peak MiB', digits: 0, of: (result) => result.serverMemory.peakMiB },
];

/** Per server: the median, the range, and the median of the ratios to the floor's measurement in the same round. */
export function table(rounds: Rounds): string {
  const floor = rounds.get('floor');
  const rows = [['', ...COLUMNS.map(({ title }) => title)]];
  for (const [name, results] of rounds) {
    rows.push([name, ...COLUMNS.map((column) => inRounds(column, results, median))]);
    rows.push([
      '  lowest',
      ...COLUMNS.map((column) => inRounds(column, results, lowest)),
    ]);
    rows.push([
      '  highest',
      ...COLUMNS.map((column) => inRounds(column, results, highest)),
    ]);
    if (floor && name !== 'floor') {
      rows.push(['  × floor', ...COLUMNS.map((column) => ratio(column, results, floor))]);
    }
  }
  return aligned(rows);
}

/** One measurement as a line of progress. */
export function line({
  eventsPerSecond,
  latencyMs,
  serverMicrosPerEvent,
}: LoadResult): string {
  const { p50, p99 } = latencyMs;
  return [
    `${eventsPerSecond.toFixed(0)} events/s`,
    `p50 ${p50.toFixed(2)} ms`,
    `p99 ${p99.toFixed(2)} ms`,
    `${serverMicrosPerEvent.toFixed(1)} µs/event`,
  ].join(', ');
}

/** The sender's own cost. */
export function senderNote(rounds: Rounds): string {
  const all = [...rounds.values()].flat();
  const micros = median(all.map((result) => result.senderMicrosPerEvent));
  const lagMs = median(all.map((result) => result.lagMs.p50));
  const late = lagMs > 0 ? `, and sent due requests ${lagMs.toFixed(2)} ms late` : '';
  return `The sender used ${micros.toFixed(1)} µs CPU an event${late} (medians).`;
}

function inRounds(
  { of, digits }: Column,
  results: readonly LoadResult[],
  choose: (values: number[]) => number,
): string {
  return choose(results.map(of)).toFixed(digits);
}

function ratio(
  { of }: Column,
  results: readonly LoadResult[],
  floor: readonly LoadResult[],
): string {
  const ratios = results.map((result, round) => {
    const base = floor[round];
    return base ? of(result) / of(base) : NaN;
  });
  return median(ratios).toFixed(2);
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle)] ?? NaN)) / 2;
}

function lowest(values: number[]): number {
  return Math.min(...values);
}

function highest(values: number[]): number {
  return Math.max(...values);
}

function aligned(rows: string[][]): string {
  const widths = rows[0]?.map((_, index) =>
    Math.max(...rows.map((row) => row[index]?.length ?? 0)),
  );
  const pad = (cell: string, index: number): string =>
    index === 0 ? cell.padEnd(widths?.[0] ?? 0) : cell.padStart(widths?.[index] ?? 0);
  return rows.map((row) => row.map(pad).join('  ').trimEnd()).join('\n');
}
