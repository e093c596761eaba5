import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

export interface Percentiles {
  p50: number;
  p99: number;
  p999: number;
  max: number;
}

/** Counts all answers and those within the window. Measures the latency of requests that were due within the window. */
export class Tally {
  /** Number of answers by HTTP status or failure. It includes the warm-up, so that its failures are not overlooked. */
  readonly outcomes: Record<string, number> = {};
  private readonly latency = microsecondHistogram();
  private readonly lag = microsecondHistogram();
  private answersInWindow = 0;
  private openedAt = Infinity;
  private closedAt = Infinity;

  open(nowMs: number): void {
    this.openedAt = nowMs;
  }

  close(nowMs: number): void {
    this.closedAt = nowMs;
  }

  answered(outcome: string, dueAtMs: number, nowMs: number): void {
    this.add(outcome, 1);
    if (this.holds(nowMs)) this.answersInWindow += 1;
    if (this.holds(dueAtMs)) record(this.latency, nowMs - dueAtMs);
  }

  add(outcome: string, count: number): void {
    if (count > 0) this.outcomes[outcome] = (this.outcomes[outcome] ?? 0) + count;
  }

  /** Records the delay with which the sender noticed that a request was due. */
  noticed(dueAtMs: number, nowMs: number): void {
    if (this.holds(dueAtMs)) record(this.lag, nowMs - dueAtMs);
  }

  get events(): number {
    return this.answersInWindow;
  }

  get latencyMs(): Percentiles {
    return percentilesMs(this.latency);
  }

  get lagMs(): Percentiles {
    return percentilesMs(this.lag);
  }

  private holds(atMs: number): boolean {
    return atMs >= this.openedAt && atMs < this.closedAt;
  }
}

/** A histogram with three significant digits, up to a minute. */
function microsecondHistogram(): RecordableHistogram {
  return createHistogram({ lowest: 1, highest: 60_000_000, figures: 3 });
}

function record(histogram: RecordableHistogram, milliseconds: number): void {
  histogram.record(Math.max(1, Math.round(milliseconds * 1000)));
}

function percentilesMs(histogram: RecordableHistogram): Percentiles {
  if (histogram.count === 0) return { p50: 0, p99: 0, p999: 0, max: 0 };
  return {
    p50: histogram.percentile(50) / 1000,
    p99: histogram.percentile(99) / 1000,
    p999: histogram.percentile(99.9) / 1000,
    max: histogram.max / 1000,
  };
}
