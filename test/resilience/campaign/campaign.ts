// `npm run test:faults`: runs schedules of faults and accounts for every event. `--help` lists the options
import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { toStderr } from '../../../packages/testbed/src/process/log.js';
import { parseOptions, USAGE, type CampaignOptions } from './options.js';
import { findingsOf, nameOfRun, outcomeOf, planOf, tableOf } from './report.js';
import { runSchedule, type RunResult, type RunSummary } from './run.js';
import { scheduleOf, type Schedule } from './schedule.js';
import { Worlds } from './worlds.js';

/** Exit code for runs that could not be carried out. They say nothing about the bridge, so they are not findings. */
const BROKEN_CAMPAIGN = 2;

class Campaign {
  private readonly results: RunSummary[] = [];
  private readonly broken: Schedule[] = [];

  constructor(
    private readonly options: CampaignOptions,
    /** The schedules that were not run yet. */
    private readonly schedules: Schedule[],
  ) {}

  /** @returns the exit code */
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

/** Writes the journal and the logs of a run, from which the cause of a finding can be found. */
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
