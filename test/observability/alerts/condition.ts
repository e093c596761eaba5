import type { Stage } from './stage.js';

/** What an alert is about, and how it comes about. */
export interface Condition {
  /** Told in the report. */
  readonly cause: string;
  /** Those that have to fire. */
  readonly alerts: readonly string[];
  /** How much time a scrape stands for, where that is not a minute. */
  readonly scrapeMinutes?: number;
  /** Sets the stage, on which all is well, and hands back what brings the condition about. */
  readonly prepare: (stage: Stage) => Promise<Cause>;
}

export interface Cause {
  readonly begin: () => unknown;
  /** Undoes it; then the alerts have to end. Missing where they look back for longer than anybody waits. */
  readonly mend?: () => unknown;
}
