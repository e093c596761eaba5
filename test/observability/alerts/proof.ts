import { temporaryFolder } from '../../../packages/testbed/src/process/temporary-folder.js';
import { RULES } from '../rules.js';
import type { Condition } from './condition.js';
import { RuleTest } from './rule-test.js';
import { Stage, type World } from './stage.js';

/** Scrapes on which an alert would be seen that fires although all is well, beside those of its `for`. */
const QUIET_TICKS = 5;
/** Between two questions whether it fires. */
const STEP_TICKS = 3;
/** Scrapes after which an alert has had its time, `for` and window included. */
const LIMIT_TICKS = 90;

/** What came of one condition. */
export interface Proof {
  readonly condition: Condition;
  /** By alert, within how many minutes of the cause it was seen to fire; undefined when it did not. */
  readonly firedAfter: ReadonlyMap<string, number | undefined>;
  /** Minutes after the mending within which all of them were over; undefined when not, or not waited for. */
  readonly overAfter: number | undefined;
  readonly isMended: boolean;
  /** Others that fired with them. */
  readonly others: readonly string[];
  /** Minutes for which all was well, and whether an alert fired in them. */
  readonly quietMinutes: number;
  readonly wasQuiet: boolean;
}

/** Has the condition come about in the world, and promtool say which alerts fire on what was scraped meanwhile. */
export async function prove(
  condition: Condition,
  world: World,
  promtool: string,
): Promise<Proof> {
  const { scrapeMinutes = 1, alerts } = condition;
  const folder = await temporaryFolder('gemini-kafka-bridge-alerts');
  const stage = await Stage.set(world, scrapeMinutes * 60);
  const { recorder } = stage;
  const rules = new RuleTest(promtool, folder.path, recorder);
  const { begin, mend } = await condition.prepare(stage);
  let isBroken = false;
  try {
    const patience = Math.max(...alerts.map(minutesOf)) / scrapeMinutes;
    await recorder.passed(Math.ceil(patience) + QUIET_TICKS);
    const begun = recorder.ticks;
    isBroken = true;
    await begin();
    const firedAfter = await awaited(alerts, rules, stage, begun);
    const others: string[] = [];
    for (const { alert } of RULES) {
      if (alerts.includes(alert)) continue;
      if (await rules.fires(begun, recorder.ticks - 1, alert)) others.push(alert);
    }
    const wasQuiet = !(await rules.fires(0, begun - 1));
    const quietMinutes = begun * scrapeMinutes;
    isBroken = false;
    await mend?.();
    const overAfter = mend ? await over(alerts, rules, stage) : undefined;
    const isMended = mend === undefined || overAfter !== undefined;
    return {
      condition,
      firedAfter,
      overAfter,
      isMended,
      others,
      quietMinutes,
      wasQuiet,
    };
  } finally {
    if (isBroken) await mend?.();
    await stage[Symbol.asyncDispose]();
    await folder.remove();
  }
}

async function awaited(
  alerts: readonly string[],
  rules: RuleTest,
  { recorder }: Stage,
  begun: number,
): Promise<ReadonlyMap<string, number | undefined>> {
  const fired = new Map<string, number | undefined>();
  const missing = new Set(alerts);
  while (missing.size > 0 && recorder.ticks - begun < LIMIT_TICKS) {
    await recorder.passed(STEP_TICKS);
    const now = recorder.ticks - 1;
    for (const alert of missing) {
      if (!(await rules.fires(begun, now, alert))) continue;
      missing.delete(alert);
      fired.set(alert, ((now - begun) * recorder.intervalSeconds) / 60);
    }
  }
  for (const alert of missing) fired.set(alert, undefined);
  return fired;
}

async function over(
  alerts: readonly string[],
  rules: RuleTest,
  { recorder }: Stage,
): Promise<number | undefined> {
  const mended = recorder.ticks;
  const firing = new Set(alerts);
  while (recorder.ticks - mended < LIMIT_TICKS) {
    await recorder.passed(STEP_TICKS);
    const now = recorder.ticks - 1;
    for (const alert of firing) {
      if (!(await rules.firesAt(now, alert))) firing.delete(alert);
    }
    if (firing.size === 0) return ((now - mended) * recorder.intervalSeconds) / 60;
  }
  return undefined;
}

function minutesOf(alert: string): number {
  const rule = RULES.find((each) => each.alert === alert);
  if (!rule) throw new Error(`there is no alert ${alert}`);
  return Number.parseInt(rule.for ?? '0', 10);
}
