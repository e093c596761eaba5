import { Module } from '@nestjs/common';
import { MetricsModule } from '../metrics/metrics.module.js';
import { KafkaCluster } from './kafka-cluster.js';

/** The one connection that knows the cluster; whoever writes or reads follows it. */
@Module({ imports: [MetricsModule], providers: [KafkaCluster], exports: [KafkaCluster] })
export class KafkaModule {}
