import type { Stage } from './stage.js';

/** A fault, the alerts that it has to fire, and how to cause it. */
export interface Condition {
  /** The fault, for the report. */
  readonly cause: string;
  /** The alerts that have to fire. */
  readonly alerts: readonly string[];
  /** Minutes that a scrape stands for. Absent: 1. */
  readonly scrapeMinutes?: number;
  /** Starts healthy bridges on the stage. Returns the functions that cause and repair the fault. */
  readonly prepare: (stage: Stage) => Promise<Cause>;
}

export interface Cause {
  readonly begin: () => unknown;
  /** Repairs the fault, after which the alerts have to end. Absent for alerts on more minutes than the test waits. */
  readonly repair?: () => unknown;
}
