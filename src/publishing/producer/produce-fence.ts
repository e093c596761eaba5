import { patchKafkajs } from '../../infrastructure/kafka/kafkajs/patch.js';
import { assertClaimHeld, type RoutedMessage } from './routed-message.js';

/** The parts of kafkajs's `Broker` that a produce request goes through. */
interface Broker {
  isConnected(): boolean;
  connect(): Promise<void>;
  produce: (this: Broker, request: ProduceRequest) => Promise<unknown>;
}

interface ProduceRequest {
  readonly topicData: readonly {
    readonly partitions: readonly {
      readonly messages: readonly Partial<Pick<RoutedMessage, 'permit' | 'unit'>>[];
    }[];
  }[];
}

const MODULE = 'kafkajs/src/broker';

/**
 * Makes kafkajs look at the claims once more when a produce request has the broker to itself
 * and a connection: after the partitioner it may have waited for other requests and for a login.
 *
 * @throws {TypeError} when kafkajs is not the version that this was made for.
 */
export function installProduceFence(): void {
  patchKafkajs<Broker>(MODULE, ['produce', 'isConnected'], (prototype) => {
    const { produce } = prototype;
    prototype.produce = async function looked(this: Broker, request): Promise<unknown> {
      if (!this.isConnected()) await this.connect();
      const messages = request.topicData.flatMap(({ partitions }) =>
        partitions.flatMap((partition) => partition.messages),
      );
      for (const { permit } of messages) if (permit) assertClaimHeld(permit);
      for (const { unit } of messages) if (unit) unit.handedOn = true;
      return produce.call(this, request);
    };
  });
}
