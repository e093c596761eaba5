import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run, tail } from '../../../packages/testbed/src/process/run.js';
import { RULES_FILE } from '../rules.js';
import type { Recorder } from './recorder.js';

/** Has promtool evaluate the rules on what was recorded. */
export class RuleTest {
  constructor(
    private readonly promtool: string,
    private readonly folder: string,
    private readonly recorder: Recorder,
  ) {}

  /** Whether it fires at that scrape. */
  firesAt(tick: number, alert: string): Promise<boolean> {
    return this.fires(tick - 1, tick, alert);
  }

  /** Whether an alert fires after one scrape and until another; any alert when none is named. */
  async fires(from: number, until: number, alert?: string): Promise<boolean> {
    const named = alert === undefined ? '' : `alertname="${alert}",`;
    const seconds = (until - from) * this.recorder.intervalSeconds;
    const firing = `count_over_time(ALERTS{${named}alertstate="firing"}[${seconds}s])`;
    const expr = `(sum(${firing}) > bool 0) or vector(0)`;
    // Both ways, so that a test that does not work is no proof of anything
    const fires = await this.holds(expr, until, 1);
    if (fires === (await this.holds(expr, until, 0))) {
      throw new Error(`promtool says both: ${this.said}`);
    }
    return fires;
  }

  private said = '';

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
    this.said = tail(output);
    return ok;
  }
}
