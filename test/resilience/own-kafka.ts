import { startKafka, type KafkaCluster } from '../../packages/testbed/src/kafka.js';

/** Brokers that a test may break; what Kafka notices after nine seconds, these do after three. */
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
