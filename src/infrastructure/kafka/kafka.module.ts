import { Module } from '@nestjs/common';
import { MetricsModule } from '../metrics/metrics.module.js';
import { KafkaCluster } from './kafka-cluster.js';

/** Provides the Kafka client and the topology that producer and topic history follow. */
@Module({ imports: [MetricsModule], providers: [KafkaCluster], exports: [KafkaCluster] })
export class KafkaModule {}
