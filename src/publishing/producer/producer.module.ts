import { Module } from '@nestjs/common';
import { KafkaModule } from '../../infrastructure/kafka/kafka.module.js';
import { TopicHistoryModule } from '../history/topic-history.module.js';
import { MetricsModule } from '../../infrastructure/metrics/metrics.module.js';
import { TracingModule } from '../../infrastructure/tracing/tracing.module.js';
import { EventPublisher } from '../event-publisher.js';
import { KafkaPublisher } from './kafka.publisher.js';

/** Binds the publisher port to Kafka. */
@Module({
  imports: [KafkaModule, TopicHistoryModule, MetricsModule, TracingModule],
  providers: [{ provide: EventPublisher, useClass: KafkaPublisher }],
  exports: [EventPublisher],
})
export class ProducerModule {}
