// `npm run bench` compares the bridge with a minimal server, the floor. bench/README.md explains the results.
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { Kafka, logLevel } from 'kafkajs';
import {
  IMAGE_NODE_VERSION,
  imageNode,
  startKafka,
  startRedis,
} from '../packages/testbed/index.js';
import { toStderr } from '../packages/testbed/src/process/log.js';
import { readOptions, USAGE, type Options } from './options.js';
import { senderNote, table, type Rounds } from './report.js';
import { measure, warmUp } from './rounds.js';
import { startServer, type Server } from './servers.js';

/** Number of partitions of each topic, which is the bridge's default. */
const PARTITIONS = 6;
/** Enables both JIT compilers, unlike the brokers of tests. A faster broker leaves more CPU time to the servers. */
const BROKER_JAVA_OPTIONS = ['-Xms256m', '-Xmx512m', '-XX:+UseSerialGC'];

interface Measured {
  closed: Rounds;
  open: Rounds | undefined;
}

async function bench(options: Options): Promise<void> {
  await using kafka = await startKafka({ own: true, javaOptions: BROKER_JAVA_OPTIONS });
  const needsRedis = options.servers.some((name) => /lease|redis/.test(name));
  await using redis = needsRedis ? await startRedis({ own: true }) : undefined;
  await createTopic(kafka.brokers);
  const settings = {
    node: await imageNode(toStderr),
    brokers: kafka.brokers,
    partitions: PARTITIONS,
    redisUrl: redis?.url,
    secret: `whsec_${randomBytes(32).toString('base64')}`,
  };
  const servers: Server[] = [];
  try {
    for (const name of options.servers) servers.push(await startServer(name, settings));
    report(options, await measureAll(servers, options, settings.secret));
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}

async function measureAll(
  servers: readonly Server[],
  options: Options,
  secret: string,
): Promise<Measured> {
  const { rounds, seconds, connections, rate } = options;
  const closedLoop = { rounds, seconds, connections, secret };
  await warmUp(servers, closedLoop);
  toStderr(`closed loop, ${connections} connections`);
  const closed = await measure(servers, closedLoop);
  if (rate === 0) return { closed, open: undefined };
  toStderr(`open loop, ${rate} requests a second`);
  return { closed, open: await measure(servers, { ...closedLoop, rate }) };
}

async function createTopic(brokers: string): Promise<void> {
  const admin = new Kafka({
    brokers: brokers.split(','),
    logLevel: logLevel.NOTHING,
  }).admin();
  await admin.connect();
  await admin.createTopics({
    waitForLeaders: true,
    topics: [{ topic: 'gemini.batch.succeeded', numPartitions: PARTITIONS }],
  });
  await admin.disconnect();
}

function report(options: Options, { closed, open }: Measured): void {
  const { rounds, seconds, connections, rate, jsonFile } = options;
  const each = `medians of ${rounds} rounds of ${seconds} s`;
  print(
    `\nClosed loop, ${connections} connections; ${each}`,
    table(closed),
    senderNote(closed),
  );
  if (open)
    print(
      `\nOpen loop, ${rate} requests a second; ${each}`,
      table(open),
      senderNote(open),
    );
  if (jsonFile === undefined) return;
  const machine = {
    node: IMAGE_NODE_VERSION,
    cpu: cpus()[0]?.model,
    cores: cpus().length,
  };
  const everything = {
    at: new Date().toISOString(),
    machine,
    options,
    closed: Object.fromEntries(closed),
    open: open && Object.fromEntries(open),
  };
  writeFileSync(jsonFile, `${JSON.stringify(everything, undefined, 2)}\n`);
}

function print(...lines: string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options) await bench(options);
  else print(USAGE);
} catch (error) {
  toStderr(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
