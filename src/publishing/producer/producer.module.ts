import { Module } from '@nestjs/common';
import { KafkaModule } from '../../infrastructure/kafka/kafka.module.js';
import { DedupeModule } from '../dedupe/dedupe.module.js';
import { MetricsModule } from '../../infrastructure/metrics/metrics.module.js';
import { TracingModule } from '../../infrastructure/tracing/tracing.module.js';
import { EventPublisher } from '../event-publisher.js';
import { KafkaPublisher } from './kafka.publisher.js';

/** Binds the event publisher to Kafka. */
@Module({
  imports: [KafkaModule, DedupeModule, MetricsModule, TracingModule],
  providers: [{ provide: EventPublisher, useClass: KafkaPublisher }],
  exports: [EventPublisher],
})
export class ProducerModule {}
