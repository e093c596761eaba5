import { setTimeout as sleep } from 'node:timers/promises';
import { samplesIn, seriesOf, type Sample } from '../exposition.js';
import { selectorsOf } from '../promql.js';
import { RULES } from '../rules.js';

/** Real time between two scrapes, which the rule test takes for the interval. */
const SCRAPE_MS = 500;
const SCRAPE_LIMIT_MS = 2000;

const WANTED = new Set(
  RULES.flatMap(({ expr }) => selectorsOf(expr).map(({ metric }) => metric)),
);

interface Target {
  readonly pod: string;
  readonly url: string;
  /** By which its clock is wrong. */
  readonly skewMs: number;
}

/** A value, Prometheus's mark of a series that has ended, or nothing. */
type Point = number | 'stale' | '_';

/** Scrapes as Prometheus does, and remembers it as series with the labels that Prometheus adds. */
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

  /** Begins with the first: before that there is nothing to be scraped. */
  watch(url: string, skewMs = 0): void {
    if (this.targets.length === 0) void this.record();
    this.targets.push({ pod: `bridge-${this.targets.length}`, url, skewMs });
  }

  /** Resolves after so many more scrapes. */
  async passed(ticks: number): Promise<void> {
    const until = this.count + ticks;
    while (this.count < until) await sleep(SCRAPE_MS / 10);
  }

  /** In the notation of promtool. */
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
    const samples = await scraped(target.url);
    const before = this.seriesOfPod.get(target.pod) ?? new Set();
    const now = new Set<string>();
    for (const sample of samples) {
      if (!WANTED.has(sample.name)) continue;
      const name = seriesOf({
        ...sample,
        labels: { ...sample.labels, ...added(target) },
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

  /** What is so far from now for the bridge is as far from now in the test, whose time begins at 0. */
  private inTestTime({ name, value }: Sample, { skewMs }: Target, tick: number): number {
    if (!name.endsWith('_timestamp_seconds')) return value;
    const awaySeconds = value - (Date.now() + skewMs) / 1000;
    return tick * this.intervalSeconds + awaySeconds;
  }
}

async function scraped(url: string): Promise<readonly Sample[]> {
  const signal = AbortSignal.timeout(SCRAPE_LIMIT_MS);
  return fetch(`${url}/metrics`, { signal }).then(
    async (answer) => samplesIn(await answer.text()),
    () => [],
  );
}

function added({ pod }: Target): Record<string, string> {
  const job = 'gemini-kafka-bridge';
  return { namespace: 'gemini', job, pod, instance: `${pod}:8081` };
}
