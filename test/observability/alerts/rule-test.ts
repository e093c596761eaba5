import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run, tail } from '../../../packages/testbed/src/process/run.js';
import { RULES_FILE } from '../rules.js';
import type { Recorder } from './recorder.js';

/** Lets promtool evaluate the rules on the recorded scrapes. */
export class RuleTest {
  constructor(
    private readonly promtool: string,
    private readonly folder: string,
    private readonly recorder: Recorder,
  ) {}

  /** True if the alert fires at a scrape. */
  firesAt(tick: number, alert: string): Promise<boolean> {
    return this.fires(tick - 1, tick, alert);
  }

  /** True if the alert, or without a name any alert, fires after the scrape `from` and up to `until`. */
  async fires(from: number, until: number, alert?: string): Promise<boolean> {
    const named = alert === undefined ? '' : `alertname="${alert}",`;
    const seconds = (until - from) * this.recorder.intervalSeconds;
    const firing = `count_over_time(ALERTS{${named}alertstate="firing"}[${seconds}s])`;
    const expr = `(sum(${firing}) > bool 0) or vector(0)`;
    // Tests both outcomes, so that a broken rule test is noticed
    const fires = await this.holds(expr, until, 1);
    if (fires === (await this.holds(expr, until, 0))) {
      throw new Error(`promtool confirms both outcomes: ${this.lastOutput}`);
    }
    return fires;
  }

  private lastOutput = '';

  private async holds(expr: string, tick: number, value: number): Promise<boolean> {
    const { intervalSeconds } = this.recorder;
    const interval = `${intervalSeconds}s`;
    const expected = {
      expr,
      eval_time: `${tick * intervalSeconds}s`,
      exp_samples: [{ labels: '{}', value }],
    };
    const test = {
      interval,
      input_series: this.recorder.inputSeries(),
      promql_expr_test: [expected],
    };
    const content = {
      rule_files: [RULES_FILE],
      evaluation_interval: interval,
      tests: [test],
    };
    const path = join(this.folder, 'test.yaml'); // JSON is YAML
    await writeFile(path, JSON.stringify(content));
    const { ok, output } = await run(this.promtool, ['test', 'rules', path]);
    this.lastOutput = tail(output);
    return ok;
  }
}
