// `npm run test:alerts`: every alert fires once because what it is about has come about. `--help` says what can be chosen.
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
import { prove, type Proof } from './proof.js';
import { WEBHOOK_CONDITIONS } from './webhook-conditions.js';

const USAGE = `Brings about what each alert is about, with the built bridge, a real Kafka, a real Redis and the emulated Gemini,
scrapes /metrics twice a second, and has promtool evaluate the rules on that, each scrape standing for a minute. Ends
with 0 when every alert fired after its cause, none did before, and those that look back no further than minutes ended
when it was mended.

  npm run test:alerts -- [options]

  --only NAME  conditions of the alerts whose name contains this
  --help       this`;

/** Killed brokers are missed soon, and the time of a replica that is ahead may be written. */
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
  await passes(tool, 'check', 'rules', RULES_FILE);
  await passes(tool, 'test', 'rules', ...RULE_TESTS);
  await using kafka = await startKafka({ own: true, properties: KAFKA });
  await using redis = await startRedis({ own: true });
  const wanted = ALL.filter(({ alerts }) => alerts.some(isChosen));
  const fired = new Set<string>();
  for (const condition of wanted) {
    toStderr(`alerts: ${condition.cause} …`);
    const proof = await prove(condition, { kafka, redis }, tool);
    if (!report(proof)) process.exitCode = 1;
    for (const [alert, after] of proof.firedAfter) {
      if (after !== undefined) fired.add(alert);
    }
  }
  const chosen = RULES.map(({ alert }) => alert).filter(isChosen);
  const silent = chosen.filter((alert) => !fired.has(alert));
  if (silent.length > 0) process.exitCode = 1;
  const verdict = silent.length === 0 ? 'all' : `silent: ${silent.join(', ')}`;
  process.stdout.write(
    `${chosen.length} alerts, ${chosen.length - silent.length} seen to fire: ${verdict}\n`,
  );
}

/** A line an alert. @returns whether all is as it must be. */
function report(proof: Proof): boolean {
  const { condition, firedAfter, overAfter, isMended, wasQuiet } = proof;
  const before = wasQuiet ? `quiet for ${proof.quietMinutes} min` : 'NOT QUIET';
  const mended = isMended
    ? `, over within ${overAfter} min of the mending`
    : ', NOT OVER';
  const beside = proof.others.length === 0 ? '' : `; so did ${proof.others.join(', ')}`;
  for (const [alert, after] of firedAfter) {
    const outcome = after === undefined ? 'DID NOT FIRE' : `fired within ${after} min`;
    const end = isMended && overAfter === undefined ? '' : mended;
    process.stdout.write(
      `${alert}: ${before}, then ${condition.cause}: ${outcome}${end}${beside}\n`,
    );
  }
  const haveFired = Array.from(firedAfter.values()).every((after) => after !== undefined);
  return wasQuiet && haveFired && isMended;
}

async function passes(tool: string, ...args: readonly string[]): Promise<void> {
  const { ok, output } = await run(tool, args);
  if (!ok) throw new Error(output);
}

function isChosen(alert: string): boolean {
  return alert.toLowerCase().includes(values.only.toLowerCase());
}

if (values.help) process.stdout.write(`${USAGE}\n`);
else await main();
