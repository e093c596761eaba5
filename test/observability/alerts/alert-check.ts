import { temporaryFolder } from '../../../packages/testbed/src/process/temporary-folder.js';
import { RULES } from '../rules.js';
import type { Condition } from './condition.js';
import { RuleTest } from './rule-test.js';
import { Stage, type Backends } from './stage.js';

/** Scrapes without a fault, beside those of `for`: an alert that fires without a cause fires in them. */
const QUIET_TICKS = 5;
/** Scrapes between two evaluations of the alerts. */
const STEP_TICKS = 3;
/** Maximum scrapes until an alert has to fire, with its `for` and its window. */
const LIMIT_TICKS = 90;

/** The result of one condition. */
export interface AlertCheck {
  readonly condition: Condition;
  /** Minutes from the fault until each alert fired; undefined for one that did not fire. */
  readonly firedAfter: ReadonlyMap<string, number | undefined>;
  /** Minutes from the repair until all alerts had ended; undefined if they did not, or if there is no repair. */
  readonly endedAfter: number | undefined;
  /** True if the alerts ended, or if there is no repair. */
  readonly hasEnded: boolean;
  /** Other alerts that fired after the fault. */
  readonly others: readonly string[];
  /** Minutes without a fault, and true if no alert fired in them. */
  readonly quietMinutes: number;
  readonly wasQuiet: boolean;
}

/** Causes the fault, and lets promtool evaluate the alerts on the scrapes of this time. */
export async function checkAlerts(
  condition: Condition,
  backends: Backends,
  promtool: string,
): Promise<AlertCheck> {
  const { scrapeMinutes = 1, alerts } = condition;
  const folder = await temporaryFolder('gemini-kafka-bridge-alerts');
  const stage = await Stage.create(backends, scrapeMinutes * 60);
  const { recorder } = stage;
  const rules = new RuleTest(promtool, folder.path, recorder);
  const { begin, repair } = await condition.prepare(stage);
  let isBroken = false;
  try {
    const longestWait = Math.max(...alerts.map(minutesOf)) / scrapeMinutes;
    await recorder.waitTicks(Math.ceil(longestWait) + QUIET_TICKS);
    const faultTick = recorder.ticks;
    isBroken = true;
    await begin();
    const firedAfter = await minutesUntilFired(alerts, rules, stage, faultTick);
    const others: string[] = [];
    for (const { alert } of RULES) {
      if (alerts.includes(alert)) continue;
      if (await rules.fires(faultTick, recorder.ticks - 1, alert)) others.push(alert);
    }
    const wasQuiet = !(await rules.fires(0, faultTick - 1));
    const quietMinutes = faultTick * scrapeMinutes;
    isBroken = false;
    await repair?.();
    const endedAfter = repair ? await minutesUntilEnded(alerts, rules, stage) : undefined;
    const hasEnded = repair === undefined || endedAfter !== undefined;
    return {
      condition,
      firedAfter,
      endedAfter,
      hasEnded,
      others,
      quietMinutes,
      wasQuiet,
    };
  } finally {
    if (isBroken) await repair?.();
    await stage[Symbol.asyncDispose]();
    await folder.remove();
  }
}

async function minutesUntilFired(
  alerts: readonly string[],
  rules: RuleTest,
  { recorder }: Stage,
  faultTick: number,
): Promise<ReadonlyMap<string, number | undefined>> {
  const fired = new Map<string, number | undefined>();
  const missing = new Set(alerts);
  while (missing.size > 0 && recorder.ticks - faultTick < LIMIT_TICKS) {
    await recorder.waitTicks(STEP_TICKS);
    const now = recorder.ticks - 1;
    for (const alert of missing) {
      if (!(await rules.fires(faultTick, now, alert))) continue;
      missing.delete(alert);
      fired.set(alert, ((now - faultTick) * recorder.intervalSeconds) / 60);
    }
  }
  for (const alert of missing) fired.set(alert, undefined);
  return fired;
}

async function minutesUntilEnded(
  alerts: readonly string[],
  rules: RuleTest,
  { recorder }: Stage,
): Promise<number | undefined> {
  const repaired = recorder.ticks;
  const firing = new Set(alerts);
  while (recorder.ticks - repaired < LIMIT_TICKS) {
    await recorder.waitTicks(STEP_TICKS);
    const now = recorder.ticks - 1;
    for (const alert of firing) {
      if (!(await rules.firesAt(now, alert))) firing.delete(alert);
    }
    if (firing.size === 0) return ((now - repaired) * recorder.intervalSeconds) / 60;
  }
  return undefined;
}

function minutesOf(alert: string): number {
  const rule = RULES.find((each) => each.alert === alert);
  if (!rule) throw new Error(`there is no alert ${alert}`);
  return Number.parseInt(rule.for ?? '0', 10);
}
