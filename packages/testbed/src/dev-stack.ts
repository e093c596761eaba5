import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startBridge, type BridgeProcess } from './bridge.js';
import { GeminiEmulator } from '../../gemini-emulator/src/emulator.js';
import { askBroker } from './kafka/answers.js';
import { startKafka } from './kafka.js';
import { secondsSince, toStderr, type Log } from './process/log.js';
import { temporaryFolder } from './process/temporary-folder.js';
import { portNear } from './dev-stack/port.js';
import { registered } from './dev-stack/static-webhook.js';
import { deleteTopics } from './dev-stack/topics.js';

const API_KEY = 'emulator-key';

export interface DevStackOptions {
  /** Wanted ports; one that is taken is replaced by a free one. 0: any free one. */
  readonly ports?: {
    readonly public: number;
    readonly internal: number;
    readonly gemini: number;
  };
  /** Progress; stderr when absent. */
  readonly log?: Log;
}

/** A Kafka, an emulated Gemini and the built bridge, wired together on this machine. */
export interface DevStack extends AsyncDisposable {
  /** `host:port,…` */
  readonly brokers: string;
  readonly gemini: GeminiEmulator;
  readonly bridge: BridgeProcess;
  /** `gemini`, or a prefix of our own where the brokers are not. */
  readonly topicPrefix: string;
  /** A bearer token that `/v1` takes. */
  readonly apiToken: string;
  /** Something to end before all that was there earlier. */
  onStop(step: () => Promise<unknown>): void;
  /** Ends what was started and removes what was made; a second call waits for the first. */
  stop(): Promise<void>;
}

/**
 * Starts everything that a delivery passes. Brokers named by `KAFKA_BROKERS` and a Redis named by `REDIS_URL` are used
 * when they are set. What was started ends with `stop()` and with this process, however that ends.
 */
export async function startDevStack(options: DevStackOptions = {}): Promise<DevStack> {
  const undo: (() => Promise<unknown>)[] = [];
  let stopping: Promise<void> | undefined;
  const stop = () => (stopping ??= undoAll(undo));
  try {
    const onStop = (step: () => Promise<unknown>) => void undo.push(step);
    const built = await build(options, undo);
    return { ...built, onStop, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop().catch(() => undefined); // the first failure is what matters
    throw error;
  }
}

async function build(
  { ports = { public: 0, internal: 0, gemini: 0 }, log = toStderr }: DevStackOptions,
  undo: (() => Promise<unknown>)[],
): Promise<Omit<DevStack, 'onStop' | 'stop' | typeof Symbol.asyncDispose>> {
  const kafka = await startKafka({ log });
  undo.push(() => kafka.stop());
  const { brokers } = kafka;
  const topicPrefix = prefixFor(kafka.nodes.length > 0);
  if (kafka.nodes.length === 0) {
    await checkAnswers(brokers);
    log(`kafka: ${brokers}, as KAFKA_BROKERS says; topics ${topicPrefix}.*, for now`);
    undo.push(() => deleteTopics(brokers, topicPrefix));
  }

  const gemini = await GeminiEmulator.start({
    port: await portNear(ports.gemini),
    apiKey: API_KEY,
  });
  undo.push(() => gemini.stop());
  log(`gemini: ${gemini.url} (emulated)`);

  const publicPort = await portNear(ports.public);
  const publicUrl = `http://127.0.0.1:${publicPort}`;

  const folder = await temporaryFolder('gemini-kafka-bridge-stack');
  undo.push(() => folder.remove());
  const apiToken = randomBytes(24).toString('base64url');
  const file = async (name: string, line: string): Promise<string> => {
    const path = join(folder.path, name);
    await writeFile(path, `${line}\n`, { mode: 0o600 });
    return path;
  };

  const startMs = performance.now();
  const redisUrl = process.env['REDIS_URL'];
  const bridge = await startBridge({
    PORT: String(publicPort),
    INTERNAL_PORT: String(await portNear(ports.internal)),
    PUBLIC_URL: publicUrl,
    KAFKA_BROKERS: brokers,
    TOPIC_PREFIX: topicPrefix,
    TOPIC_REPLICATION: '1',
    TOPIC_MIN_ISR: '1',
    WEBHOOKS: '[{"name":"main"}]',
    VAULT_KEYS_FILE: await file('vault-keys', newKey()),
    VAULT_FILE: join(folder.path, 'vault'),
    CAPABILITY_KEYS_FILE: await file('capability-keys', newKey()),
    API_TOKENS_FILE: await file('api-tokens', apiToken),
    GEMINI_URL: gemini.url,
    JWKS_URL: gemini.jwksUrl,
    GEMINI_API_KEY: gemini.apiKey,
    ...(redisUrl ? { REDIS_URL: redisUrl } : {}),
  });
  undo.push(() => bridge.stop());
  await bridge.ready();
  await registered(gemini);
  log(
    `bridge: ${bridge.url} for Gemini, ${bridge.internalUrl} for the cluster, ready after ${secondsSince(startMs)}`,
  );
  return { brokers, gemini, bridge, topicPrefix, apiToken };
}

async function checkAnswers(brokers: string): Promise<void> {
  const answers = await Promise.all(
    brokers.split(',').map((broker) => askBroker(broker)),
  );
  if (answers.every((answer) => answer === undefined)) {
    throw new Error(`no broker answers at ${brokers}: mend KAFKA_BROKERS, or unset it`);
  }
}

/** Newest first, and each of them whatever became of the others. */
async function undoAll(undo: readonly (() => Promise<unknown>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of undo.toReversed()) {
    await step().catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw new AggregateError(failures, 'not all could be ended');
}

/** Brokers from outside may have subscribers of `gemini.*`, and these must not hear of our events. */
function prefixFor(ownBroker: boolean): string {
  return ownBroker ? 'gemini' : `gemini-demo-${randomBytes(4).toString('hex')}`;
}

function newKey(): string {
  return `dev:${randomBytes(32).toString('base64url')}`;
}
