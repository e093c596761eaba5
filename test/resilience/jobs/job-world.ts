import { startBridge, type BridgeProcess } from '../../../packages/testbed/src/bridge.js';
import { GeminiEmulator } from '../../../packages/gemini-emulator/src/emulator.js';
import type { FaultKind } from '../../../packages/gemini-emulator/src/control/faults.js';
import { startKafka, type KafkaCluster } from '../../../packages/testbed/src/kafka.js';
import { freePorts } from '../../../packages/testbed/src/process/free-ports.js';
import { startRedis, type RedisServer } from '../../../packages/testbed/src/redis.js';
import { temporarySecrets, type TemporarySecrets } from '../../support/secrets.js';
import { webhookRegistered } from '../../../packages/testbed/src/dev-stack/static-webhook.js';

const EVENTS_LOST = 0.1;
const EVENTS_REPEATED = 0.2;
const SUBMISSIONS_UNANSWERED = 0.05;
/** Number of calls for which a fault is planned: more than a run has. */
const ALL = 1_000_000;

/** A replica that can be killed and started again on the same ports. */
class Replica {
  private bridge: BridgeProcess | undefined;

  constructor(private readonly env: Record<string, string>) {}

  get internalUrl(): string {
    return `http://127.0.0.1:${this.env['INTERNAL_PORT']}`;
  }

  get url(): string {
    return `http://127.0.0.1:${this.env['PORT']}`;
  }

  async start(): Promise<void> {
    this.bridge = await startBridge(this.env);
  }

  async ready(): Promise<void> {
    await this.bridge?.ready(60_000);
  }

  async kill(): Promise<void> {
    this.bridge?.kill('SIGKILL');
    await this.bridge?.exited;
  }

  async stop(): Promise<void> {
    await this.bridge?.stop();
  }
}

/** Two replicas on one Kafka and one Redis. Gemini loses and repeats events, and leaves submissions unanswered. */
export class JobWorld implements AsyncDisposable {
  private constructor(
    readonly kafka: KafkaCluster,
    private readonly redis: RedisServer,
    readonly gemini: GeminiEmulator,
    private readonly secrets: TemporarySecrets,
    readonly replicas: readonly Replica[],
  ) {}

  /** @param silence the way in which Gemini leaves an accepted submission unanswered */
  static async start(seed: number, silence: FaultKind): Promise<JobWorld> {
    const kafka = await startKafka({ own: true });
    const redis = await startRedis({ own: true });
    const gemini = await GeminiEmulator.start({
      seed,
      loseEvents: EVENTS_LOST,
      duplicate: EVENTS_REPEATED,
      reorder: 4,
      autoFinishMs: 500,
      autoFinishSpreadMs: 8000,
      echo: { video: true },
      retry: { firstDelaySeconds: 1, factor: 2, maxDelaySeconds: 8 },
      remembered: 100_000,
    });
    gemini.fault('*.create', { kind: silence, probability: SUBMISSIONS_UNANSWERED }, ALL);
    const secrets = temporarySecrets();
    const ports = await freePorts(4);
    const url = `http://127.0.0.1:${ports[0]}/webhooks/gemini`;
    const replicas = [0, 1].map((n) => {
      // The webhook of each job is delivered to the replica that did not submit it
      const other = ports[1 - n];
      return new Replica({
        NODE_ENV: 'production',
        PORT: String(ports[n]),
        INTERNAL_PORT: String(ports[2 + n]),
        PUBLIC_URL: `http://127.0.0.1:${other}`,
        KAFKA_BROKERS: kafka.brokers,
        REDIS_URL: redis.url,
        TOPIC_REPLICATION: '1',
        TOPIC_MIN_ISR: '1',
        GEMINI_URL: gemini.url,
        GEMINI_API_KEY: gemini.apiKey,
        JWKS_URL: gemini.jwksUrl,
        WEBHOOKS: JSON.stringify([{ name: 'main', url }]),
        WEBHOOKS_OWNER: 'jobs',
        VAULT_KEYS_FILE: secrets.vaultKeysFile,
        CAPABILITY_KEYS_FILE: secrets.capabilityKeysFile,
        API_TOKENS_FILE: secrets.tokensFile,
        API_RATE_PER_MINUTE: '0',
        JOB_LOOK_AFTER_SECONDS: '15',
        JOB_SETTLE_SECONDS: '15',
        JOB_GIVE_UP_SECONDS: '90',
        JOB_CALLS_PER_MINUTE: '1200',
      });
    });
    const world = new JobWorld(kafka, redis, gemini, secrets, replicas);
    await Promise.all(replicas.map((replica) => replica.start()));
    await Promise.all(replicas.map((replica) => replica.ready()));
    await webhookRegistered(gemini);
    return world;
  }

  get token(): string {
    return this.secrets.token;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.stop()));
    await this.gemini.stop();
    await this.redis.stop();
    await this.kafka.stop();
    this.secrets[Symbol.dispose]();
  }
}
