import type { LoggedRecord } from '../../../support/topic-log.js';
import type { Journal } from '../journal.js';

/**
 * A case of docs/guarantees.md, "Remaining duplicates", with its time window in ms of performance.now(). It
 * excuses a second record of an id whose outcome was open at some time in between: from an attempt's start to its
 * answer of 2xx, or, where the answer was another, to that of the attempt that was answered 2xx.
 */
export interface Excuse {
  /** With `DEDUPE_STORE=log` only `clock` excuses. */
  readonly name: string;
  readonly from: number;
  readonly to: number;
  /**
   * For what forgets the past (a restart with the memory store, a flush of Redis): excuses also an id with an attempt
   * before the end of this time and another one after its start.
   */
  readonly forgets?: boolean;
}

export interface MemoryUse {
  readonly replica: number;
  readonly peakMiB: number;
  readonly endMiB: number;
  readonly startMiB: number;
}

/** A gauge that has to be back at 0 when all is quiet. */
export interface Leftover {
  readonly replica: number;
  readonly metric: string;
  readonly value: number;
}

/** Everything that a run is judged by. */
export interface Evidence {
  readonly store: 'log' | 'redis' | 'memory';
  readonly ackBudgetMs: number;
  readonly journal: Journal;
  readonly records: readonly LoggedRecord[];
  /** Ids that the sender could not get rid of. */
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

/** One broken promise, with all ids that it was broken for. */
export interface Violation {
  readonly kind: ViolationKind;
  readonly ids: readonly string[];
  readonly sentence: string;
}

export interface Doubled {
  readonly id: string;
  readonly copies: number;
  /** Name of the excuse; absent: there is none, and it is a violation. */
  readonly excuse?: string;
}

export interface Verdict {
  readonly violations: readonly Violation[];
  readonly doubled: readonly Doubled[];
  readonly counts: Record<string, number>;
}
