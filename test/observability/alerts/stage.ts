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

export interface World {
  readonly kafka: KafkaCluster;
  readonly redis: RedisServer;
}

/** Short, so that what hangs is told from what works within a few scrapes. */
const ACK_BUDGET_MS = '1000';
/** Gemini disables a webhook after days; here after some failures. */
const FAILURES = 3;

/** One condition's own bridges, Gemini and record, beside the Kafka and the Redis of all. */
export class Stage implements AsyncDisposable {
  readonly recorder: Recorder;
  readonly secrets: TemporarySecrets = temporarySecrets();
  readonly vaultFile: TemporaryFile = temporaryFile('');
  private readonly bridges: BridgeProcess[] = [];
  private readonly traffics: Traffic[] = [];

  private constructor(
    private readonly world: World,
    readonly gemini: GeminiEmulator,
    intervalSeconds: number,
  ) {
    this.recorder = new Recorder(intervalSeconds);
  }

  static async set(world: World, intervalSeconds: number): Promise<Stage> {
    const gemini = await GeminiEmulator.start({
      disableAfterFailures: FAILURES,
      retry: { firstDelaySeconds: 0.2, factor: 1, maxDelaySeconds: 0.2 },
    });
    return new Stage(world, gemini, intervalSeconds);
  }

  get kafka(): KafkaCluster {
    return this.world.kafka;
  }

  get redis(): RedisServer {
    return this.world.redis;
  }

  /** A bridge that is ready, and scraped. @param skewMs by which its clock is wrong. */
  async bridge(env: Record<string, string> = {}, skewMs = 0): Promise<BridgeProcess> {
    const bridge = await this.unwatched(env);
    this.recorder.watch(bridge.internalUrl, skewMs);
    return bridge;
  }

  /** The same, of which Prometheus does not know. */
  async unwatched(env: Record<string, string>): Promise<BridgeProcess> {
    const bridge = await this.started(env);
    await bridge.ready(90_000);
    return bridge;
  }

  /** One that is scraped from its start on, and need not become ready. */
  async unready(): Promise<BridgeProcess> {
    const bridge = await this.started({});
    this.recorder.watch(bridge.internalUrl);
    return bridge;
  }

  /** What a bridge needs to submit jobs, and to manage webhooks. It is reached at `url`. */
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

  private async started(env: Record<string, string>): Promise<BridgeProcess> {
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
