import {
  startKafka,
  type KafkaCluster,
  type KafkaNode,
} from '../../../packages/testbed/src/kafka.js';
import { GeminiEmulator } from '../../../packages/gemini-emulator/src/emulator.js';
import { temporarySecrets, type TemporarySecrets } from '../../support/secrets.js';
import { FaultProxy } from './fault-proxy.js';
import { RedisPair } from './redis-pair.js';
import { TopicAdmin } from './topic-admin.js';

/** Brokers notice a lost broker after 3 s instead of 9 s, and rebalance leaders after 3 s instead of 300 s. */
const QUICK_TO_NOTICE = {
  'broker.session.timeout.ms': '3000',
  'broker.heartbeat.interval.ms': '500',
  'leader.imbalance.check.interval.seconds': '3',
};

/** A broker, and the proxy through which the bridge reaches it. */
export interface ProxiedBroker {
  readonly node: KafkaNode;
  readonly proxy: FaultProxy;
}

/** The systems around the bridge, each of which can be made to fail: Kafka, Redis, Gemini and the network. */
export class World implements AsyncDisposable {
  readonly admin: TopicAdmin;

  private constructor(
    private readonly kafka: KafkaCluster,
    readonly brokers: readonly ProxiedBroker[],
    readonly redis: RedisPair,
    readonly gemini: GeminiEmulator,
    readonly secrets: TemporarySecrets,
  ) {
    this.admin = new TopicAdmin(kafka.brokers);
  }

  static async start(brokers: 1 | 3): Promise<World> {
    const kafka = await startKafka({
      own: true,
      nodes: brokers,
      proxied: true,
      properties: QUICK_TO_NOTICE,
      log: () => undefined,
    });
    const [redis, gemini, ...proxied] = await Promise.all([
      RedisPair.start(),
      GeminiEmulator.start(),
      ...kafka.nodes.map(behindProxy),
    ]);
    return new World(kafka, proxied, redis, gemini, temporarySecrets());
  }

  /** `KAFKA_BROKERS` of the bridge: the addresses of the proxies. */
  get kafkaBrokers(): string {
    return this.brokers.map(({ proxy }) => proxy.address).join(',');
  }

  /** Addresses of the brokers without the proxies. */
  get directBrokers(): string {
    return this.kafka.brokers;
  }

  /** Restores the state before a run. */
  async tidyUp(topicPrefix: string): Promise<void> {
    this.gemini.options.jwks = 'ok';
    await this.redis.wipe();
    await this.admin.remove(await this.admin.named(topicPrefix));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([
      ...this.brokers.map(({ proxy }) => proxy[Symbol.asyncDispose]()),
      this.redis.stop(),
      this.gemini.stop(),
      this.kafka.stop(),
    ]);
    this.secrets[Symbol.dispose]();
  }
}

async function behindProxy(node: KafkaNode): Promise<ProxiedBroker> {
  if (!node.proxied) throw new Error('this broker has no listener for a proxy');
  const { target, listen } = node.proxied;
  return { node, proxy: await FaultProxy.to(target, listen) };
}
