import type { LoggedRecord } from '../../../support/topic-log.js';
import type { Journal } from '../journal.js';

/**
 * A case of docs/guarantees.md, "Remaining duplicates", with its time window in ms of `performance.now()`. It excuses a
 * second record of an id whose outcome was open within the window. The outcome of an attempt is open from its start to
 * its answer of 2xx, or else to the answer of the attempt that was answered 2xx.
 */
export interface Excuse {
  /** With `DEDUPE_STORE=log` only `clock` is accepted. */
  readonly name: string;
  readonly from: number;
  readonly to: number;
  /**
   * True if published ids were lost, by a restart with the memory store or a flush of Redis. Then it also excuses an id
   * with an attempt before the end of the window and another after its start.
   */
  readonly forgets?: boolean;
}

export interface MemoryUse {
  readonly replica: number;
  readonly peakMiB: number;
  readonly endMiB: number;
  readonly startMiB: number;
}

/** A gauge that must be 0 when the replicas have nothing to do. */
export interface Leftover {
  readonly replica: number;
  readonly metric: string;
  readonly value: number;
}

/** The facts that a run is judged by. */
export interface Evidence {
  readonly store: 'log' | 'redis' | 'memory';
  readonly ackBudgetMs: number;
  readonly journal: Journal;
  readonly records: readonly LoggedRecord[];
  /** Ids that were never answered 2xx. */
  readonly notTaken: readonly string[];
  readonly memory: readonly MemoryUse[];
  readonly leftovers: readonly Leftover[];
  readonly excuses: readonly Excuse[];
}

export type ViolationKind =
  | 'lost'
  | 'changed'
  | 'forged'
  | 'doubled'
  | 'order'
  | 'slow'
  | 'status'
  | 'not-taken'
  | 'memory'
  | 'leftover';

/** A broken promise, with all ids for which it was broken. */
export interface Violation {
  readonly kind: ViolationKind;
  readonly ids: readonly string[];
  readonly sentence: string;
}

export interface Doubled {
  readonly id: string;
  readonly copies: number;
  /** Name of the excuse. Absent: it is a violation. */
  readonly excuse?: string;
}

export interface Verdict {
  readonly violations: readonly Violation[];
  readonly doubled: readonly Doubled[];
  readonly counts: Record<string, number>;
}
