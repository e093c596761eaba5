import { startKafka, type KafkaCluster } from '../../packages/testbed/src/kafka.js';

/** Starts brokers that a test may break. They notice a lost broker after three seconds instead of nine. */
export function startOwnKafka(nodes: 1 | 3 = 1): Promise<KafkaCluster> {
  return startKafka({
    own: true,
    nodes,
    properties: {
      'broker.session.timeout.ms': '3000',
      'broker.heartbeat.interval.ms': '500',
    },
  });
}
