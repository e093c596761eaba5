import type { Doubled } from './evidence.js';
import type { Facts } from './facts.js';

/** The numbers of a run, for the report. */
export function countsOf(
  { events, evidence }: Facts,
  doubled: readonly Doubled[],
): Record<string, number> {
  const { attempts } = evidence.journal;
  const ofKind = (kind: string) => attempts.filter((a) => a.kind === kind).length;
  let slowestMs = 0;
  for (const { tookMs } of attempts) slowestMs = Math.max(slowestMs, Math.round(tookMs));
  return {
    events: events.length,
    attempts: attempts.length,
    retries: ofKind('retry'),
    twins: ofKind('twin'),
    repeats: ofKind('repeat'),
    forgeries: ofKind('forgery'),
    records: evidence.records.length,
    doubled: doubled.length,
    slowestMs,
    ...tally(
      '',
      attempts.map(({ status, reason }) => `${status} ${reason}`),
    ),
    ...tally(
      'doubled: ',
      doubled.map(({ excuse }) => excuse ?? 'no excuse'),
    ),
  };
}

function tally(prefix: string, names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names.toSorted()) {
    counts[prefix + name] = (counts[prefix + name] ?? 0) + 1;
  }
  return counts;
}
