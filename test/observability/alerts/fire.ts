// `npm run test:alerts` causes the fault of each alert and checks that the alert fires. `--help` prints the options.
import { parseArgs } from 'node:util';
import { toStderr } from '../../../packages/testbed/src/process/log.js';
import { run } from '../../../packages/testbed/src/process/run.js';
import { promtool } from '../../../tools/monitoring/promtool.js';
import { startRedis } from '../../../packages/testbed/src/redis.js';
import { startKafka } from '../../../packages/testbed/src/kafka.js';
import { RULE_TESTS, RULES, RULES_FILE } from '../rules.js';
import { DEDUPE_CONDITIONS } from './dedupe-conditions.js';
import { DELIVERY_CONDITIONS } from './delivery-conditions.js';
import { KAFKA_CONDITIONS } from './kafka-conditions.js';
import { checkAlerts, type AlertCheck } from './alert-check.js';
import { WEBHOOK_CONDITIONS } from './webhook-conditions.js';

const USAGE = `Causes the fault of each alert with the built bridge, a real Kafka, a real Redis and the emulated Gemini. Scrapes
/metrics twice a second, and lets promtool evaluate the rules on the scrapes, each of which stands for a minute. Exits
with 0 if every alert fired after its fault and none before it, and if the alerts with a repair ended after it.

  npm run test:alerts -- [options]

  --only NAME  only the alerts whose name contains NAME
  --help       prints this and ends`;

/** A killed broker is detected soon, and records may have the timestamp of a bridge whose clock is ahead. */
const KAFKA = {
  'broker.session.timeout.ms': '3000',
  'broker.heartbeat.interval.ms': '500',
  'log.message.timestamp.after.max.ms': '9223372036854775807',
};

const ALL = [
  ...DELIVERY_CONDITIONS,
  ...WEBHOOK_CONDITIONS,
  ...DEDUPE_CONDITIONS,
  ...KAFKA_CONDITIONS,
];

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    help: { type: 'boolean', default: false },
  },
});

async function main(): Promise<void> {
  const tool = await promtool(toStderr);
  await runPromtool(tool, 'check', 'rules', RULES_FILE);
  await runPromtool(tool, 'test', 'rules', ...RULE_TESTS);
  await using kafka = await startKafka({ own: true, properties: KAFKA });
  await using redis = await startRedis({ own: true });
  const wanted = ALL.filter(({ alerts }) => alerts.some(isChosen));
  const fired = new Set<string>();
  for (const condition of wanted) {
    toStderr(`alerts: ${condition.cause} …`);
    const check = await checkAlerts(condition, { kafka, redis }, tool);
    if (!report(check)) process.exitCode = 1;
    for (const [alert, after] of check.firedAfter) {
      if (after !== undefined) fired.add(alert);
    }
  }
  const chosen = RULES.map(({ alert }) => alert).filter(isChosen);
  const silent = chosen.filter((alert) => !fired.has(alert));
  if (silent.length > 0) process.exitCode = 1;
  const verdict = silent.length === 0 ? 'all' : `silent: ${silent.join(', ')}`;
  process.stdout.write(
    `${chosen.length} alerts, ${chosen.length - silent.length} fired: ${verdict}\n`,
  );
}

/** Prints a line for each alert. @returns true if all of them passed. */
function report(check: AlertCheck): boolean {
  const { condition, firedAfter, endedAfter, hasEnded, wasQuiet } = check;
  const before = wasQuiet ? `quiet for ${check.quietMinutes} min` : 'NOT QUIET';
  const ended = hasEnded
    ? `, ended within ${endedAfter} min of the repair`
    : ', NOT ENDED';
  const beside =
    check.others.length === 0 ? '' : `; also fired: ${check.others.join(', ')}`;
  for (const [alert, after] of firedAfter) {
    const outcome = after === undefined ? 'DID NOT FIRE' : `fired within ${after} min`;
    const end = hasEnded && endedAfter === undefined ? '' : ended;
    process.stdout.write(
      `${alert}: ${before}, then ${condition.cause}: ${outcome}${end}${beside}\n`,
    );
  }
  const haveFired = Array.from(firedAfter.values()).every((after) => after !== undefined);
  return wasQuiet && haveFired && hasEnded;
}

async function runPromtool(tool: string, ...args: readonly string[]): Promise<void> {
  const { ok, output } = await run(tool, args);
  if (!ok) throw new Error(output);
}

function isChosen(alert: string): boolean {
  return alert.toLowerCase().includes(values.only.toLowerCase());
}

if (values.help) process.stdout.write(`${USAGE}\n`);
else await main();
