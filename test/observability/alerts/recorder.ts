import { setTimeout as sleep } from 'node:timers/promises';
import { samplesIn, seriesOf, type Sample } from '../exposition.js';
import { selectorsOf } from '../promql.js';
import { RULES } from '../rules.js';

/** Real time between two scrapes. In the rule test it is one interval. */
const SCRAPE_MS = 500;
const SCRAPE_LIMIT_MS = 2000;

const WANTED = new Set(
  RULES.flatMap(({ expr }) => selectorsOf(expr).map(({ metric }) => metric)),
);

interface Target {
  readonly pod: string;
  readonly url: string;
  /** Error of its clock. */
  readonly skewMs: number;
}

/** A value, Prometheus's marker for an ended series, or no value. */
type Point = number | 'stale' | '_';

/** Scrapes like Prometheus, and records series with the labels that Prometheus adds. */
export class Recorder implements Disposable {
  private readonly targets: Target[] = [];
  private readonly series = new Map<string, Point[]>();
  private readonly seriesOfPod = new Map<string, Set<string>>();
  private readonly ending = new AbortController();
  private count = 0;

  constructor(readonly intervalSeconds: number) {}

  /** Scrapes so far. */
  get ticks(): number {
    return this.count;
  }

  /** Adds a target. The first one starts the scrapes. */
  watch(url: string, skewMs = 0): void {
    if (this.targets.length === 0) void this.record();
    this.targets.push({ pod: `bridge-${this.targets.length}`, url, skewMs });
  }

  /** Resolves after this number of further scrapes. */
  async waitTicks(ticks: number): Promise<void> {
    const until = this.count + ticks;
    while (this.count < until) await sleep(SCRAPE_MS / 10);
  }

  /** The series in the notation of promtool. */
  inputSeries(): { series: string; values: string }[] {
    return Array.from(this.series, ([series, points]) => ({
      series,
      values: Array.from({ length: this.count }, (_, at) => points[at] ?? '_').join(' '),
    }));
  }

  [Symbol.dispose](): void {
    this.ending.abort();
  }

  private async record(): Promise<void> {
    while (!this.ending.signal.aborted) {
      const pause = sleep(SCRAPE_MS);
      const tick = this.count;
      await Promise.all(this.targets.map((target) => this.scrape(target, tick)));
      await pause;
      this.count = tick + 1;
    }
  }

  private async scrape(target: Target, tick: number): Promise<void> {
    const samples = await fetchSamples(target.url);
    const before = this.seriesOfPod.get(target.pod) ?? new Set();
    const now = new Set<string>();
    for (const sample of samples) {
      if (!WANTED.has(sample.name)) continue;
      const name = seriesOf({
        ...sample,
        labels: { ...sample.labels, ...addedLabels(target) },
      });
      now.add(name);
      this.note(name, tick, this.inTestTime(sample, target, tick));
    }
    for (const name of before) if (!now.has(name)) this.note(name, tick, 'stale');
    this.seriesOfPod.set(target.pod, now);
  }

  private note(name: string, tick: number, point: Point): void {
    const points = this.series.get(name) ?? [];
    points[tick] = point;
    this.series.set(name, points);
  }

  /** Converts a Unix time of the bridge to the time of the rule test, which begins at 0. */
  private inTestTime({ name, value }: Sample, { skewMs }: Target, tick: number): number {
    if (!name.endsWith('_timestamp_seconds')) return value;
    const distanceSeconds = value - (Date.now() + skewMs) / 1000;
    return tick * this.intervalSeconds + distanceSeconds;
  }
}

async function fetchSamples(url: string): Promise<readonly Sample[]> {
  const signal = AbortSignal.timeout(SCRAPE_LIMIT_MS);
  return fetch(`${url}/metrics`, { signal }).then(
    async (answer) => samplesIn(await answer.text()),
    () => [],
  );
}

function addedLabels({ pod }: Target): Record<string, string> {
  const job = 'gemini-kafka-bridge';
  return { namespace: 'gemini', job, pod, instance: `${pod}:8081` };
}
