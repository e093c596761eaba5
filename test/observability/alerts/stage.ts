import { startBridge, type BridgeProcess } from '../../../packages/testbed/src/bridge.js';
import { GeminiEmulator } from '../../../packages/gemini-emulator/src/emulator.js';
import type { KafkaCluster } from '../../../packages/testbed/src/kafka.js';
import { freePorts } from '../../../packages/testbed/src/process/free-ports.js';
import type { RedisServer } from '../../../packages/testbed/src/redis.js';
import { temporarySecrets, type TemporarySecrets } from '../../support/secrets.js';
import { SECRET, type Signed } from '../../support/sender.js';
import { temporaryFile, type TemporaryFile } from '../../support/temporary-file.js';
import { Recorder } from './recorder.js';
import { Traffic } from './traffic.js';

/** Kafka and Redis, which all conditions share. */
export interface Backends {
  readonly kafka: KafkaCluster;
  readonly redis: RedisServer;
}

/** Short, so that a hanging delivery is answered within a few scrapes. */
const ACK_BUDGET_MS = '1000';
/** Gemini disables a webhook after days of failures; the emulator after this number. */
const FAILURES = 3;

/** The bridges, the emulated Gemini and the recorded scrapes of one condition. */
export class Stage implements AsyncDisposable {
  readonly recorder: Recorder;
  readonly secrets: TemporarySecrets = temporarySecrets();
  readonly vaultFile: TemporaryFile = temporaryFile('');
  private readonly bridges: BridgeProcess[] = [];
  private readonly traffics: Traffic[] = [];

  private constructor(
    private readonly backends: Backends,
    readonly gemini: GeminiEmulator,
    intervalSeconds: number,
  ) {
    this.recorder = new Recorder(intervalSeconds);
  }

  static async create(backends: Backends, intervalSeconds: number): Promise<Stage> {
    const gemini = await GeminiEmulator.start({
      disableAfterFailures: FAILURES,
      retry: { firstDelaySeconds: 0.2, factor: 1, maxDelaySeconds: 0.2 },
    });
    return new Stage(backends, gemini, intervalSeconds);
  }

  get kafka(): KafkaCluster {
    return this.backends.kafka;
  }

  get redis(): RedisServer {
    return this.backends.redis;
  }

  /** Starts a bridge, waits until it is ready, and scrapes it. @param skewMs error of its clock. */
  async bridge(env: Record<string, string> = {}, skewMs = 0): Promise<BridgeProcess> {
    const bridge = await this.unwatched(env);
    this.recorder.watch(bridge.internalUrl, skewMs);
    return bridge;
  }

  /** Starts a bridge and waits until it is ready, without scrapes. */
  async unwatched(env: Record<string, string>): Promise<BridgeProcess> {
    const bridge = await this.start(env);
    await bridge.ready(90_000);
    return bridge;
  }

  /** Starts a bridge and scrapes it at once. It need not become ready. */
  async unready(): Promise<BridgeProcess> {
    const bridge = await this.start({});
    this.recorder.watch(bridge.internalUrl);
    return bridge;
  }

  /** The environment with which a bridge submits jobs and manages webhooks, and the URL at which it listens. */
  async geminiEnv(): Promise<{ url: string; env: Record<string, string> }> {
    const [port = 0] = await freePorts(1);
    const url = `http://127.0.0.1:${port}`;
    const env = {
      PORT: String(port),
      PUBLIC_URL: url,
      GEMINI_URL: this.gemini.url,
      GEMINI_API_KEY: this.gemini.apiKey,
      VAULT_KEYS_FILE: this.secrets.vaultKeysFile,
      VAULT_FILE: this.vaultFile.path,
    };
    return { url, env };
  }

  traffic(
    { url }: { readonly url: string },
    perSecond: number,
    sign?: () => Signed,
    path = '',
  ): Traffic {
    const traffic = new Traffic(`${url}/webhooks/gemini${path}`, perSecond, sign);
    this.traffics.push(traffic);
    return traffic;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.recorder[Symbol.dispose]();
    for (const traffic of this.traffics) traffic.stop();
    await Promise.all(this.bridges.map((bridge) => bridge.stop()));
    await this.gemini.stop();
    this.secrets[Symbol.dispose]();
    this.vaultFile[Symbol.dispose]();
  }

  private async start(env: Record<string, string>): Promise<BridgeProcess> {
    const bridge = await startBridge({
      NODE_ENV: 'production',
      KAFKA_BROKERS: this.kafka.brokers,
      TOPIC_PARTITIONS: '1',
      TOPIC_REPLICATION: '1',
      TOPIC_MIN_ISR: '1',
      WEBHOOK_SECRETS: SECRET,
      CAPABILITY_KEYS_FILE: this.secrets.capabilityKeysFile,
      JWKS_URL: this.gemini.jwksUrl,
      ACK_BUDGET_MS,
      ...env,
    });
    this.bridges.push(bridge);
    return bridge;
  }
}
