/** The texts that a campaign prints. */
import { isOverloaded } from './machine-load.js';
import type { Finding, RunResult, RunSummary } from './run.js';
import { nameOfTarget } from './faults.js';
import type { Schedule } from './schedule.js';

const SHOWN_FINDINGS = 5;
const SHOWN_IDS = 3;
const SHOWN_TIMELINE_LINES = 60;

/** A run in a line, like `seed 7 redis 3 brokers 2 replicas: broker-hang, replica-kill`. */
export function nameOfRun({ seed, store, brokers, replicas, faults }: Schedule): string {
  const names = faults.map(({ fault }) => fault).join(', ');
  const stage = `${plural(brokers, 'broker')} ${plural(replicas, 'replica')}`;
  return `seed ${seed} ${store} ${stage}: ${names}`;
}

export function outcomeOf(result: RunSummary): string {
  const { verdict, findings, peakMiB } = result;
  const { counts } = verdict;
  const lost = idsOf(findings, 'lost').length;
  return [
    `${(counts['events'] ?? 0).toLocaleString('en')} events`,
    `${lost} lost`,
    `${counts['doubled'] ?? 0} doubled`,
    `slowest ${counts['slowestMs'] ?? 0} ms`,
    `peak ${Math.round(peakMiB)} MiB`,
    ...overload(result),
    findings.length === 0 ? 'ok' : 'FAILED',
  ].join(', ');
}

/** The planned faults, one line each. */
export function planOf(schedule: Schedule): string {
  const lines = schedule.faults.map((planned) => {
    const from = (planned.atMs / 1000).toFixed(1);
    const to = ((planned.atMs + planned.durationMs) / 1000).toFixed(1);
    return `  ${from.padStart(5)} - ${to.padStart(5)} s  ${planned.fault} on ${nameOfTarget(planned)}`;
  });
  return [nameOfRun(schedule), ...lines].join('\n');
}

/** The findings, each with the timeline of some of its ids. */
export function findingsOf({ findings, journal }: RunResult): string {
  const shown = findings.slice(0, SHOWN_FINDINGS).map((finding) => {
    const ids = finding.ids.slice(0, SHOWN_IDS);
    const timeline = ids.length === 0 ? [] : journal.timeline(ids).split('\n');
    return [headOf(finding), ...bounded(timeline).map((line) => `    ${line}`)].join(
      '\n',
    );
  });
  const more = findings.length - shown.length;
  return [...shown, ...(more > 0 ? [`  and ${more} more findings`] : [])].join('\n');
}

/** A table with one line for each store. */
export function tableOf(results: readonly RunSummary[]): string {
  const stores = Array.from(new Set(results.map(({ schedule }) => schedule.store)));
  const rows = stores.map((store) => {
    return rowOf(
      store,
      results.filter(({ schedule }) => schedule.store === store),
    );
  });
  return [HEADINGS, ...rows].map((cells) => cells.map(padded).join('')).join('\n');
}

const HEADINGS = [
  'store',
  'schedules',
  'events',
  'lost',
  'forged',
  'changed',
  'doubled',
  'slowest ms',
  'peak MiB',
  'failed',
  'doubled by',
];

function rowOf(store: string, results: readonly RunSummary[]): string[] {
  const sum = (count: string): number =>
    results.reduce((total, { verdict }) => total + (verdict.counts[count] ?? 0), 0);
  const broken = (kind: string): number =>
    results.reduce((total, { findings }) => total + idsOf(findings, kind).length, 0);
  return [
    store,
    String(results.length),
    sum('events').toLocaleString('en'),
    String(broken('lost')),
    String(broken('forged')),
    String(broken('changed')),
    String(sum('doubled')),
    String(most(results.map(({ verdict }) => verdict.counts['slowestMs'] ?? 0))),
    String(most(results.map(({ peakMiB }) => peakMiB))),
    String(results.filter(({ findings }) => findings.length > 0).length),
    byExcuse(results),
  ];
}

function most(values: number[]): number {
  return Math.round(Math.max(...values));
}

function byExcuse(results: readonly RunSummary[]): string {
  const counts = new Map<string, number>();
  for (const { excuse = 'no excuse' } of results.flatMap(
    ({ verdict }) => verdict.doubled,
  )) {
    counts.set(excuse, (counts.get(excuse) ?? 0) + 1);
  }
  return Array.from(counts, ([excuse, count]) => `${count} ${excuse}`).join('; ');
}

/** On an overloaded machine late answers say nothing about the bridge, so they are counted and not judged. */
function overload({ loadForEachCore, verdict }: RunSummary): string[] {
  if (!isOverloaded(loadForEachCore)) return [];
  const late = idsOf(verdict.violations, 'slow').length;
  const load = loadForEachCore.toFixed(1);
  return [`${late} late, not judged: the machine is overloaded (${load} for each core)`];
}

function headOf({ kind, ids, sentence }: Finding): string {
  const shown = ids.slice(0, SHOWN_IDS).join(', ');
  const rest = ids.length > SHOWN_IDS ? ` and ${ids.length - SHOWN_IDS} more` : '';
  return `  ${kind}: ${sentence}${shown ? ` (${shown}${rest})` : ''}`;
}

function idsOf(findings: readonly Finding[], kind: string): string[] {
  return findings.filter((finding) => finding.kind === kind).flatMap(({ ids }) => ids);
}

function bounded(lines: readonly string[]): string[] {
  if (lines.length <= SHOWN_TIMELINE_LINES) return [...lines];
  const half = SHOWN_TIMELINE_LINES / 2;
  const left = lines.length - SHOWN_TIMELINE_LINES;
  return [...lines.slice(0, half), `… ${left} more lines …`, ...lines.slice(-half)];
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function padded(cell: string, column: number): string {
  return column === HEADINGS.length - 1 ? cell : cell.padEnd(12);
}
