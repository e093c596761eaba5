// `npm run bench:log` measures the cost of reading the topics. `--help` explains the options.
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Kafka, logLevel, type Message } from 'kafkajs';
import {
  imageNode,
  startBridge,
  startKafka,
  startRedis,
  type BridgeProcess,
} from '../packages/testbed/index.js';
import { secondsSince, toStderr } from '../packages/testbed/src/process/log.js';
import { dedupeKey, STATIC_SCOPE } from '../src/publishing/dedupe-key.js';
import { DeliveryTrace } from '../src/receiver/tracing/delivery-trace.js';
import { IdsOnly } from '../src/infrastructure/tracing/tracing.js';
import { eventRecord } from '../src/receiver/delivery-record.js';
import { parseGeminiEvent } from '../src/events/gemini-event.js';
import { installKafkajsPatches } from '../src/infrastructure/kafka/kafkajs/install-patches.js';
import { cpuMicros, memory } from './process-usage.js';
import { runLoad } from './sender.js';

const USAGE = `Measures the cost of reading the bridge's topics at its start, and while another replica writes to them.

  npm run bench:log -- [options]

  --records N   number of records on the topics at the start (default 1000000)
  --seconds N   duration of the load on the other replica (default 10)
  --help        prints this and ends`;

const PARTITIONS = 6;
const BATCH = 2000;
const SAMPLE_MS = 100;
const BROKER_JAVA_OPTIONS = ['-Xms256m', '-Xmx512m', '-XX:+UseSerialGC'];

async function bench(records: number, seconds: number): Promise<void> {
  await using kafka = await startKafka({ own: true, javaOptions: BROKER_JAVA_OPTIONS });
  await using redis = await startRedis({ own: true });
  const node = await imageNode(toStderr);
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  const environment = {
    NODE_ENV: 'production',
    KAFKA_BROKERS: kafka.brokers,
    REDIS_URL: redis.url,
    TOPIC_PARTITIONS: String(PARTITIONS),
    TOPIC_REPLICATION: '1',
    TOPIC_MIN_ISR: '1',
    WEBHOOK_SECRETS: secret,
    DEDUPE_MEMORY_MAX: '5000000',
  };
  await using writer = await startBridge(environment, { node }); // creates the topics
  await writer.ready();
  await fill(kafka.brokers, records);
  await using reader = await boot(environment, node, records);
  await follow(writer, reader, secret, seconds);
}

/** Writes records of the bridge's form to one topic. */
async function fill(brokers: string, records: number): Promise<void> {
  installKafkajsPatches();
  const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING });
  const producer = kafka.producer({ idempotent: true });
  await producer.connect();
  const startMs = performance.now();
  for (let sent = 0; sent < records; sent += BATCH) {
    const count = Math.min(BATCH, records - sent);
    const messages = Array.from({ length: count }, () => bridgeRecord());
    await producer.send({ topic: 'gemini.batch.succeeded', acks: -1, messages });
    if (sent % (BATCH * 50) === 0) toStderr(`${sent} of ${records} records written …`);
  }
  await producer.disconnect();
  toStderr(`${records} records written in ${secondsSince(startMs)}`);
}

function bridgeRecord(): Message {
  const id = `msg_${randomUUID()}`;
  const body = Buffer.from(
    JSON.stringify({
      type: 'batch.succeeded',
      version: 'v1',
      timestamp: new Date().toISOString(),
      data: { id: `batches/${randomUUID()}`, output_file_uri: `files/${randomUUID()}` },
    }),
  );
  const delivery = {
    key: dedupeKey(STATIC_SCOPE, id),
    scope: STATIC_SCOPE,
    bodyHash: undefined,
    capability: undefined,
    trace: new DeliveryTrace(new IdsOnly(), 0, {}),
    receivedAt: Date.now(),
    deadline: 0,
    proof: {
      scheme: 'v1',
      id,
      timestamp: String(Math.floor(Date.now() / 1000)),
      signature: `v1,${randomBytes(32).toString('base64')}`,
      keyId: '01234567',
      body,
      bodyBound: true,
    },
  } as const;
  const record = eventRecord(delivery, parseGeminiEvent(body), 'gemini', undefined);
  return { key: record.key, value: record.value, headers: { ...record.headers } };
}

async function boot(
  environment: Record<string, string>,
  node: string,
  records: number,
): Promise<BridgeProcess> {
  const startMs = performance.now();
  const bridge = await startBridge(environment, { node });
  const resident: number[] = [];
  const sampling = setInterval(
    () => resident.push(memory(bridge.pid).residentMiB),
    SAMPLE_MS,
  );
  await bridge.ready(300_000);
  const tookMs = performance.now() - startMs;
  clearInterval(sampling);
  const micros = cpuMicros(bridge.pid);
  const { residentMiB, peakMiB } = memory(bridge.pid);
  const ids = await metric(bridge, 'dedupe_ids');
  const bytes = await metric(bridge, 'dedupe_id_bytes');
  print(
    `Boot: ready after ${(tookMs / 1000).toFixed(1)} s with ${ids} ids of ${records} records,`,
    `  ${(records / (tookMs / 1000)).toFixed(0)} records/s, ${(micros / records).toFixed(1)} µs CPU a record (including the start of the process)`,
    `  ${(bytes / ids).toFixed(1)} bytes an id, ${(bytes / 1048576).toFixed(0)} MiB in total`,
    `  resident: ${residentMiB.toFixed(0)} MiB when ready, maximum of ${resident.length} samples ${Math.max(...resident).toFixed(0)} MiB, peak ${peakMiB.toFixed(0)} MiB`,
  );
  return bridge;
}

/** Loads one replica while the other one reads its records. */
async function follow(
  writer: BridgeProcess,
  reader: BridgeProcess,
  secret: string,
  seconds: number,
): Promise<void> {
  const port = Number(new URL(writer.url).port);
  const load = { port, pid: writer.pid, secret, connections: 64, warmupSeconds: 1 };
  await runLoad({ ...load, seconds: 3 });
  await sleep(2000);
  const idleMicros = await idleCost(reader, seconds);
  const before = {
    micros: cpuMicros(reader.pid),
    ids: await metric(reader, 'dedupe_ids'),
  };
  const startMs = performance.now();
  const { serverMicrosPerEvent } = await runLoad({ ...load, seconds });
  await sleep(2000);
  const took = (performance.now() - startMs) / 1000;
  const events = (await metric(reader, 'dedupe_ids')) - before.ids;
  const micros = cpuMicros(reader.pid) - before.micros - idleMicros * took;
  const perEvent = micros / events;
  print(
    `Reading along: ${events} events of another replica, ${perEvent.toFixed(2)} µs CPU each,`,
    `  ${((100 * perEvent) / serverMicrosPerEvent).toFixed(1)} % of the ${serverMicrosPerEvent.toFixed(0)} µs that the event cost the other replica`,
    `  without new records: ${(idleMicros / 10_000).toFixed(2)} % of a core (including the idle process)`,
  );
}

/** CPU of an idle replica, µs per second. */
async function idleCost({ pid }: BridgeProcess, seconds: number): Promise<number> {
  const before = cpuMicros(pid);
  await sleep(seconds * 1000);
  return (cpuMicros(pid) - before) / seconds;
}

async function metric(bridge: BridgeProcess, name: string): Promise<number> {
  const text = await (await fetch(`${bridge.internalUrl}/metrics`)).text();
  return Number(new RegExp(`^gemini_bridge_${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

function print(...lines: string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '1000000' },
    seconds: { type: 'string', default: '10' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) print(USAGE);
else await bench(Number(values.records), Number(values.seconds));
