// `npm run test:faults`: schedules of faults from seeds, and the account of every event. `--help` says what can be chosen.
import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { toStderr } from '../../../packages/testbed/src/process/log.js';
import { parseOptions, USAGE, type CampaignOptions } from './options.js';
import { findingsOf, nameOfRun, outcomeOf, planOf, tableOf } from './report.js';
import { runSchedule, type RunResult, type RunSummary } from './run.js';
import { scheduleOf, type Schedule } from './schedule.js';
import { Worlds } from './worlds.js';

/** A run that could not be carried out says nothing about the bridge, and must not look as if it did. */
const BROKEN_CAMPAIGN = 2;

class Campaign {
  private readonly results: RunSummary[] = [];
  private readonly broken: Schedule[] = [];

  constructor(
    private readonly options: CampaignOptions,
    /** Those that are still to come. */
    private readonly schedules: Schedule[],
  ) {}

  /** The exit code. */
  async run(): Promise<number> {
    const workers = Array.from({ length: this.options.parallel }, () => this.work());
    await Promise.all(workers);
    await this.report();
    if (this.results.some(({ findings }) => findings.length > 0)) return 1;
    return this.broken.length > 0 ? BROKEN_CAMPAIGN : 0;
  }

  private async work(): Promise<void> {
    await using worlds = new Worlds();
    for (let next = this.schedules.shift(); next; next = this.schedules.shift()) {
      try {
        const world = await worlds.with(next.brokers);
        const result = await runSchedule(world, next, this.options);
        await this.note(result);
      } catch (error) {
        this.broken.push(next);
        toStderr(`${nameOfRun(next)} … could not be carried out: ${textOf(error)}`);
        await worlds.discard(next.brokers);
      }
    }
  }

  private async note(result: RunResult): Promise<void> {
    const { schedule, verdict, findings, peakMiB, loadForEachCore } = result;
    this.results.push({ schedule, verdict, findings, peakMiB, loadForEachCore });
    toStderr(`${nameOfRun(schedule)} … ${outcomeOf(result)}`);
    if (findings.length === 0) return;
    toStderr(findingsOf(result));
    toStderr(`  again: ${this.commandFor(schedule)}`);
    if (this.options.keep !== undefined) await keep(result, this.options.keep);
  }

  private commandFor({ seed, store, brokers, seconds }: Schedule): string {
    const { given, preloads } = this.options;
    return [
      `npm run test:faults -- --seed ${seed} --store ${store} --brokers ${brokers} --seconds ${seconds}`,
      ...Object.entries(given).map(([name, value]) => `--${name} ${value}`),
      ...preloads.map((path) => `--preload ${relative('', path)}`),
    ].join(' ');
  }

  private async report(): Promise<void> {
    if (this.results.length > 0) process.stdout.write(`${tableOf(this.results)}\n`);
    const { json } = this.options;
    if (json === undefined) return;
    const summary = this.results.map(
      ({ schedule, verdict, findings, peakMiB, loadForEachCore }) => ({
        schedule,
        counts: verdict.counts,
        doubled: verdict.doubled,
        findings,
        peakMiB,
        loadForEachCore,
      }),
    );
    await writeFile(
      json,
      JSON.stringify({ runs: summary, broken: this.broken }, null, 2),
    );
  }
}

/** What the verdict was reached from, for whoever looks for the cause. */
async function keep(result: RunResult, folder: string): Promise<void> {
  const { schedule, findings, journal, logs } = result;
  const at = join(folder, `seed-${schedule.seed}-${schedule.store}`);
  await mkdir(at, { recursive: true });
  const { attempts, faults } = journal;
  const record = { schedule, findings, faults, attempts };
  await writeFile(join(at, 'run.json'), JSON.stringify(record, null, 1));
  for (const [index, lines] of logs.entries()) {
    await writeFile(join(at, `replica-${index}.log`), lines.join('\n'));
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const schedules = options.passes.flatMap((pass) =>
    options.seeds.map((seed) => scheduleOf(seed, pass)),
  );
  if (options.list) {
    process.stdout.write(`${schedules.map(planOf).join('\n')}\n`);
    return 0;
  }
  return new Campaign(options, schedules).run();
}

process.exitCode = await main().catch((error: unknown) => {
  toStderr(error instanceof Error ? error.message : String(error));
  return BROKEN_CAMPAIGN;
});
