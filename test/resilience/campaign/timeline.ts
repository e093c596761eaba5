import type { Attempt, FaultSpan, Journal } from './journal.js';
import { replicaName } from './target.js';

/** Time before the first attempt and after the last answer within which faults are listed. */
const AROUND_MS = 10_000;

interface Line {
  readonly at: number;
  readonly text: string;
}

/** The lines of `Journal.timeline`. Times are seconds since the journal's first entry. */
export function timelineOf(journal: Journal, ids: readonly string[]): string {
  const wanted = new Set(ids);
  const attempts = journal.attempts.filter(({ id }) => wanted.has(id));
  const from = Math.min(...attempts.map(({ sentAt }) => sentAt)) - AROUND_MS;
  const to = Math.max(...attempts.map(endOf)) + AROUND_MS;
  const faults = journal.faults.filter(
    (fault) => fault.target !== 'sender' && fault.from <= to && fault.to >= from,
  );
  const start = startOf(journal);
  return [...attempts.flatMap(linesOf), ...faults.flatMap(faultLinesOf)]
    .toSorted((a, b) => a.at - b.at)
    .map(({ at, text }) => `${((at - start) / 1000).toFixed(3).padStart(8)} s  ${text}`)
    .join('\n');
}

export function endOf({ sentAt, tookMs }: Attempt): number {
  return sentAt + tookMs;
}

function startOf({ attempts, faults }: Journal): number {
  let start = Infinity;
  for (const { sentAt } of attempts) start = Math.min(start, sentAt);
  for (const { from } of faults) start = Math.min(start, from);
  return start;
}

function linesOf(attempt: Attempt): Line[] {
  const { id, kind, route, replica, sentAt, tookMs, status, reason } = attempt;
  const head = `${id}  ${replicaName(replica)}  ${kind} (${route})`;
  return [
    { at: sentAt, text: `${head}  sent` },
    {
      at: endOf(attempt),
      text: `${head}  ${status} ${reason} after ${Math.round(tookMs)} ms`,
    },
  ];
}

function faultLinesOf({ name, target, from, to }: FaultSpan): Line[] {
  const begun = { at: from, text: `*** ${name} on ${target} begins` };
  return to === Infinity
    ? [begun]
    : [begun, { at: to, text: `*** ${name} on ${target} ends` }];
}
