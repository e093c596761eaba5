import { Module } from '@nestjs/common';
import { CONFIG, type Config } from '../../config/config.js';
import { KafkaCluster } from '../../infrastructure/kafka/kafka-cluster.js';
import { KafkaModule } from '../../infrastructure/kafka/kafka.module.js';
import { Metrics } from '../../infrastructure/metrics/metrics.js';
import { MetricsModule } from '../../infrastructure/metrics/metrics.module.js';
import { TopicFollower } from './topic-follower.js';
import { TopicHistory, NoTopicHistory } from '../topic-history.js';

/** The bridge's own topics as a memory, where they are one. */
@Module({
  imports: [KafkaModule, MetricsModule],
  providers: [
    {
      provide: TopicHistory,
      inject: [CONFIG, KafkaCluster, Metrics],
      useFactory: createLog,
    },
  ],
  exports: [TopicHistory],
})
export class TopicHistoryModule {}

function createLog(
  { dedupe: { store, ttlMs } }: Config,
  cluster: KafkaCluster,
  metrics: Metrics,
): TopicHistory {
  if (store !== 'log') return new NoTopicHistory();
  return new TopicFollower(cluster, metrics, ttlMs);
}
