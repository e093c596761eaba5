import { grouped } from '../../../support/grouped.js';
import type { LoggedRecord } from '../../../support/topic-log.js';
import type { Attempt, FaultSpan } from '../journal.js';
import { replicaName } from '../target.js';
import { endOf } from '../timeline.js';
import type { Evidence, Violation, ViolationKind } from './evidence.js';

/** First part of the ids of forgeries. */
export const FORGED_PREFIX = 'forged_';

interface Span {
  readonly from: number;
  readonly to: number;
}

/** The evidence, indexed by id. */
export class Facts {
  readonly attempts: ReadonlyMap<string, readonly Attempt[]>;
  /** Records by `webhook-id`, in the order of their offsets. */
  readonly records: ReadonlyMap<string, readonly LoggedRecord[]>;
  /** Ids of genuine deliveries. */
  readonly events: readonly string[];

  constructor(readonly evidence: Evidence) {
    const { journal, records } = evidence;
    this.attempts = grouped(journal.attempts, ({ id }) => id);
    const inOrder = records.toSorted((a, b) => a.offset - b.offset);
    this.records = grouped(inOrder, webhookId);
    this.events = Array.from(journal.bodies.keys());
  }

  attemptsOf(id: string): readonly Attempt[] {
    return this.attempts.get(id) ?? [];
  }

  recordsOf(id: string): readonly LoggedRecord[] {
    return this.records.get(id) ?? [];
  }

  /** True if the replica had a fault other than a wrong clock during the attempt. */
  wasFaulted(attempt: Attempt): boolean {
    return this.faultsDuring(attempt).some((fault) => !isClock(fault));
  }

  /** True if the replica's clock was wrong during the attempt. */
  hadWrongClock(attempt: Attempt): boolean {
    return this.faultsDuring(attempt).some(isClock);
  }

  private faultsDuring(attempt: Attempt): FaultSpan[] {
    const target = replicaName(attempt.replica);
    const span = { from: attempt.sentAt, to: endOf(attempt) };
    return this.evidence.journal.faults.filter(
      (fault) => fault.target === target && overlap(fault, span),
    );
  }
}

export function isTaken({ status }: Attempt): boolean {
  return status >= 200 && status < 300;
}

export function isForged(id: string): boolean {
  return id.startsWith(FORGED_PREFIX);
}

export function overlap(a: Span, b: Span): boolean {
  return a.from <= b.to && b.from <= a.to;
}

/** One violation, or none without ids. */
export function violation(
  kind: ViolationKind,
  ids: readonly string[],
  sentence: string,
): Violation[] {
  return ids.length > 0 ? [{ kind, ids, sentence }] : [];
}

export function webhookId({ headers }: LoggedRecord): string {
  return headers['webhook-id'] ?? '(none)';
}

function isClock({ name }: FaultSpan): boolean {
  return name.includes('clock');
}
