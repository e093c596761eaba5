import type { Kafka } from 'kafkajs';
import { internalModule } from './internals.js';
import type { KafkaRequest } from './protocol/kafka-request.js';

/** The parts of kafkajs's `Broker` that are used here. */
interface Broker {
  readonly connectionPool: {
    send<Response>(request: { request: object; response: object }): Promise<Response>;
  };
  metadata(topics: string[]): Promise<unknown>;
  disconnect(): Promise<void>;
}

/** The parts of kafkajs's `Cluster` that are used here. */
interface Cluster {
  readonly brokerPool: { createBroker: (options: object) => Broker };
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  refreshMetadata(): Promise<void>;
  findBroker(node: { nodeId: number }): Promise<Broker>;
}

const metadataResponse = internalModule(
  'protocol/requests/metadata/v6/response',
) as object;
const EncoderClass = internalModule('protocol/encoder') as new () => {
  writeInt32(value: number): { writeBoolean(value: boolean): object };
};

/** kafkajs's connections and security, for requests that its public API does not offer. */
export class InternalCluster {
  private readonly cluster: Cluster;
  /** Node ids of the brokers whose address is known. A failed request removes its broker. */
  private readonly located = new Set<number>();

  constructor(kafka: Kafka) {
    this.cluster = createCluster(kafka);
  }

  /**
   * Sends a request to one broker.
   *
   * @throws when the broker is unreachable or silent. The next request asks the cluster anew
   *   where that broker is.
   */
  async send<Response>(
    nodeId: number,
    request: KafkaRequest<Response>,
  ): Promise<Response> {
    if (!this.located.has(nodeId)) await this.locate(nodeId);
    const broker = await this.cluster.findBroker({ nodeId });
    try {
      return await broker.connectionPool.send<Response>(request);
    } catch (error) {
      this.located.delete(nodeId); // its address may have changed
      // All its connections have to go: kafkajs would take another open one for a working broker
      broker.disconnect().catch(() => undefined);
      throw error;
    }
  }

  async disconnect(): Promise<void> {
    await this.cluster.disconnect();
  }

  private async locate(nodeId: number): Promise<void> {
    await this.cluster.connect();
    await this.cluster.refreshMetadata();
    this.located.add(nodeId);
  }
}

/**
 * Creates a `Cluster` as kafkajs does for its own clients. Its metadata requests ask for the
 * brokers and for no topic, because kafkajs fails on all topics when one has no leader.
 */
function createCluster(kafka: Kafka): Cluster {
  const name = 'private:Kafka:createCluster';
  const symbol = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === name,
  );
  if (!symbol) throw new TypeError(`this client of kafkajs has no ${name}`);
  const create = Reflect.get(kafka, symbol) as (options: object) => Cluster;
  const cluster = create({ metadataMaxAge: Infinity, allowAutoTopicCreation: false });
  const { brokerPool } = cluster;
  const { createBroker } = brokerPool;
  brokerPool.createBroker = (options) => {
    const broker = createBroker(options);
    broker.metadata = () =>
      broker.connectionPool.send({ request: BROKERS_ONLY, response: metadataResponse });
    return broker;
  };
  return cluster;
}

/** A metadata request with an empty list of topics. kafkajs itself asks for some or for all. */
const BROKERS_ONLY = {
  apiKey: 3,
  apiVersion: 6,
  apiName: 'Metadata',
  encode: () => Promise.resolve(new EncoderClass().writeInt32(0).writeBoolean(false)),
};
