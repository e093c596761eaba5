import { Module } from '@nestjs/common';
import { DedupeModule } from './dedupe/dedupe.module.js';
import { TopicHistoryModule } from './history/topic-history.module.js';
import { MetricsModule } from '../infrastructure/metrics/metrics.module.js';
import { OutcomePublications } from './outcome-publications.js';
import { ProducerModule } from './producer/producer.module.js';
import { Publications } from './publications.js';

/** Publishing what must not be published twice: claim → publish → confirm. */
@Module({
  imports: [DedupeModule, MetricsModule, ProducerModule, TopicHistoryModule],
  providers: [Publications, OutcomePublications],
  exports: [
    Publications,
    OutcomePublications,
    DedupeModule,
    ProducerModule,
    TopicHistoryModule,
  ],
})
export class PublishingModule {}
