import { grouped } from '../../../support/grouped.js';
import type { LoggedRecord } from '../../../support/topic-log.js';
import type { OrderedPlace } from '../journal.js';
import type { Violation } from './evidence.js';
import { violation, type Facts } from './facts.js';

interface Placed {
  readonly id: string;
  readonly place: OrderedPlace;
  readonly record: LoggedRecord;
}

/** Checks keys whose events were sent one after another: their records must be on one partition, in that order. */
export function orderViolations(facts: Facts): Violation[] {
  const keys = grouped(firstCopies(facts), ({ place }) => place.key);
  return Array.from(keys).flatMap(([key, events]) => [
    ...violation('order', scattered(events), `${key} is on several partitions`),
    ...violation('order', overtaken(events), `${key} is not in the order of sending`),
  ]);
}

function firstCopies(facts: Facts): Placed[] {
  return Array.from(facts.evidence.journal.order).flatMap(([id, place]) => {
    const record = facts.recordsOf(id)[0];
    return record ? [{ id, place, record }] : [];
  });
}

function scattered(events: readonly Placed[]): string[] {
  const [first] = events;
  return events
    .filter(({ record }) => partitionOf(record) !== partitionOf(first?.record))
    .map(({ id }) => id);
}

/** Ids whose record stands before the record of an id that was sent earlier. */
function overtaken(events: readonly Placed[]): string[] {
  const inLog = events.toSorted((a, b) => a.record.offset - b.record.offset);
  let lowest = Infinity;
  const ids: string[] = [];
  for (const { id, place } of inLog.toReversed()) {
    if (place.sequence > lowest) ids.push(id);
    lowest = Math.min(lowest, place.sequence);
  }
  return ids;
}

function partitionOf(record: LoggedRecord | undefined): string | undefined {
  return record && `${record.topic}:${record.partition}`;
}
