import { Module } from '@nestjs/common';
import { CONFIG, type Config } from '../../config/config.js';
import { KafkaCluster } from '../../infrastructure/kafka/kafka-cluster.js';
import { KafkaModule } from '../../infrastructure/kafka/kafka.module.js';
import { Metrics } from '../../infrastructure/metrics/metrics.js';
import { MetricsModule } from '../../infrastructure/metrics/metrics.module.js';
import { LogTail } from './topic-follower.js';
import { PublishedLog, UnreadLog } from '../topic-history.js';

/** The bridge's own topics as a memory, where they are one. */
@Module({
  imports: [KafkaModule, MetricsModule],
  providers: [
    {
      provide: PublishedLog,
      inject: [CONFIG, KafkaCluster, Metrics],
      useFactory: createLog,
    },
  ],
  exports: [PublishedLog],
})
export class LogModule {}

function createLog(
  { dedupe: { store, ttlMs } }: Config,
  cluster: KafkaCluster,
  metrics: Metrics,
): PublishedLog {
  if (store !== 'log') return new UnreadLog();
  return new LogTail(cluster, metrics, ttlMs);
}
