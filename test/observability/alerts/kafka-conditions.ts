import type { Condition } from './condition.js';

/** Some deliveries in each scrape. */
const PER_SECOND = 10;
/** Keeps the ids in memory, so that only writes depend on Kafka. */
const MEMORY = { DEDUPE_STORE: 'memory' };

export const KAFKA_CONDITIONS: readonly Condition[] = [
  {
    cause: 'the broker hangs (SIGSTOP) under load',
    alerts: ['GeminiBridgeAckBudgetSpent', 'GeminiBridgeDeliveriesNotTaken'],
    async prepare(stage) {
      stage.traffic(await stage.bridge(MEMORY), PER_SECOND);
      const [broker] = stage.kafka.nodes;
      return { begin: () => broker?.pause(), repair: () => broker?.resume() };
    },
  },
  {
    cause: 'the broker hangs, and its queue is full',
    alerts: ['GeminiBridgeOverloaded'],
    async prepare(stage) {
      const bridge = await stage.bridge({ ...MEMORY, PUBLISH_QUEUE_MAX: '2' });
      stage.traffic(bridge, PER_SECOND);
      const [broker] = stage.kafka.nodes;
      return { begin: () => broker?.pause(), repair: () => broker?.resume() };
    },
  },
  {
    cause: 'the broker is killed under load',
    alerts: [
      'GeminiBridgeKafkaNotReady',
      'GeminiBridgePublishFailures',
      'GeminiBridgeLogUnknown',
    ],
    async prepare(stage) {
      stage.traffic(await stage.bridge(), PER_SECOND);
      const [broker] = stage.kafka.nodes;
      return { begin: () => broker?.kill(), repair: () => broker?.restart() };
    },
  },
];
