import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { startBridge, type BridgeProcess } from './bridge.js';
import { GeminiEmulator } from '../../gemini-emulator/src/emulator.js';
import { bridgeFiles, keptLine } from './dev-stack/bridge-files.js';
import { webhookRegistered } from './dev-stack/static-webhook.js';
import { deleteTopics } from './dev-stack/topics.js';
import { askBroker } from './kafka/answers.js';
import { startKafka, type KafkaCluster } from './kafka.js';
import { freePorts } from './process/free-ports.js';
import { secondsSince, toStderr, type Log } from './process/log.js';
import { temporaryFolder } from './process/temporary-folder.js';

const API_KEY = 'emulator-key';

/** Ports of 127.0.0.1. */
export interface DevPorts {
  /** Public URL of the bridge, for Gemini. */
  readonly public: number;
  /** Internal URL of the bridge, for the cluster. */
  readonly internal: number;
  /** 0: a free one. */
  readonly gemini: number;
  /** The broker's; its controller takes the next one. Free ones when absent. */
  readonly kafka?: number;
}

export interface DevStackOptions {
  /** Free ports when absent. */
  readonly ports?: DevPorts;
  /** The bearer token of `/v1`, unless the folder has one already; a random one when absent. */
  readonly apiToken?: string;
  /** Keeps Kafka's records, the keys and the tokens for the next start; a temporary folder when absent. */
  readonly folder?: string | undefined;
  /** Progress; stderr when absent. */
  readonly log?: Log;
}

/** A Kafka, an emulated Gemini and the built bridge, wired together on this machine. */
export interface DevStack extends AsyncDisposable {
  /** `host:port,…` */
  readonly brokers: string;
  readonly gemini: GeminiEmulator;
  readonly bridge: BridgeProcess;
  /** The settings of the bridge: its command line, given the same, speaks to the same Kafka and Gemini. */
  readonly environment: Readonly<Record<string, string>>;
  /** `gemini`; another one on brokers from outside, whose subscribers of `gemini.*` must not get these events. */
  readonly topicPrefix: string;
  /** A bearer token that `/v1` takes. */
  readonly apiToken: string;
  /** Adds a step that `stop()` takes before all steps that were there earlier. */
  onStop(step: () => Promise<unknown>): void;
  /** Ends what was started and removes what was made; a second call waits for the first. */
  stop(): Promise<void>;
}

type Parts = Omit<DevStack, 'onStop' | 'stop' | typeof Symbol.asyncDispose>;
type Undo = (() => Promise<unknown>)[];

/**
 * Starts everything that a delivery passes. Brokers named by `KAFKA_BROKERS` and a Redis named by `REDIS_URL` are used
 * when they are set. What was started ends with `stop()` and with this process, however that ends.
 */
export async function startDevStack(options: DevStackOptions = {}): Promise<DevStack> {
  const undo: Undo = [];
  let stopping: Promise<void> | undefined;
  const stop = () => (stopping ??= undoAll(undo));
  try {
    const onStop = (step: () => Promise<unknown>) => void undo.push(step);
    const parts = await startParts(options, undo);
    return { ...parts, onStop, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop().catch(() => undefined); // the first failure is what matters
    throw error;
  }
}

async function startParts(
  { log = toStderr, ...options }: DevStackOptions,
  undo: Undo,
): Promise<Parts> {
  const ports = options.ports ?? (await anyPorts());
  const folder = options.folder ? resolve(options.folder) : await ownFolder(undo);
  const kafka = await startKafka({
    log,
    ...(ports.kafka !== undefined && { port: ports.kafka }),
    ...(options.folder && { folder: join(folder, 'kafka') }),
  });
  undo.push(() => kafka.stop());
  const { environment: files, apiToken } = await bridgeFiles(folder, options.apiToken);
  const topicPrefix = await topicPrefixOn(kafka, folder);
  if (isFromOutside(kafka)) {
    await requireAnswer(kafka.brokers);
    log(`kafka: ${kafka.brokers}, as KAFKA_BROKERS says; topics ${topicPrefix}.*`);
    if (!options.folder) undo.push(() => deleteTopics(kafka.brokers, topicPrefix));
  }

  const gemini = await GeminiEmulator.start({ port: ports.gemini, apiKey: API_KEY });
  undo.push(() => gemini.stop());
  log(`gemini: ${gemini.url} (emulated)`);

  const environment = {
    ...bridgeEnvironment(ports, gemini),
    ...files,
    KAFKA_BROKERS: kafka.brokers,
    TOPIC_PREFIX: topicPrefix,
  };
  const bridge = await startReadyBridge(environment, gemini, log, undo);
  return { brokers: kafka.brokers, gemini, bridge, environment, topicPrefix, apiToken };
}

async function startReadyBridge(
  environment: Record<string, string>,
  gemini: GeminiEmulator,
  log: Log,
  undo: Undo,
): Promise<BridgeProcess> {
  const startMs = performance.now();
  const bridge = await startBridge(environment);
  undo.push(() => bridge.stop());
  await bridge.ready();
  await webhookRegistered(gemini);
  log(
    `bridge: ${bridge.url} for Gemini, ${bridge.internalUrl} for the cluster, ready after ${secondsSince(startMs)}`,
  );
  return bridge;
}

function bridgeEnvironment(
  ports: DevPorts,
  { url, jwksUrl, apiKey }: GeminiEmulator,
): Record<string, string> {
  const { REDIS_URL } = process.env;
  return {
    HOST: '127.0.0.1',
    PORT: String(ports.public),
    INTERNAL_PORT: String(ports.internal),
    PUBLIC_URL: `http://127.0.0.1:${ports.public}`,
    TOPIC_REPLICATION: '1',
    TOPIC_MIN_ISR: '1',
    WEBHOOKS: '[{"name":"main"}]',
    // A restarted emulator has no webhooks; the bridge notices at its next comparison
    WEBHOOKS_INTERVAL_SECONDS: '5',
    GEMINI_URL: url,
    JWKS_URL: jwksUrl,
    GEMINI_API_KEY: apiKey,
    ...(REDIS_URL && { REDIS_URL }),
  };
}

async function anyPorts(): Promise<DevPorts> {
  const [first = 0, second = 0] = await freePorts(2);
  return { public: first, internal: second, gemini: 0 };
}

async function ownFolder(undo: Undo): Promise<string> {
  const folder = await temporaryFolder('gemini-kafka-bridge-dev');
  undo.push(() => folder.remove());
  return folder.path;
}

function isFromOutside(kafka: KafkaCluster): boolean {
  return kafka.nodes.length === 0;
}

async function requireAnswer(brokers: string): Promise<void> {
  const answers = await Promise.all(
    brokers.split(',').map((broker) => askBroker(broker)),
  );
  if (answers.every((answer) => answer === undefined)) {
    throw new Error(
      `no broker answers at ${brokers}: correct KAFKA_BROKERS, or unset it`,
    );
  }
}

async function topicPrefixOn(kafka: KafkaCluster, folder: string): Promise<string> {
  if (!isFromOutside(kafka)) return 'gemini';
  const made = `gemini-dev-${randomBytes(4).toString('hex')}`;
  const { text } = await keptLine(join(folder, 'topic-prefix'), made);
  return text.trim();
}

/** Newest first. A step that fails does not keep the others from being taken. */
async function undoAll(undo: Undo): Promise<void> {
  const failures: unknown[] = [];
  for (const step of undo.toReversed()) {
    await step().catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0)
    throw new AggregateError(
      failures,
      'the development world could not be ended cleanly',
    );
}
