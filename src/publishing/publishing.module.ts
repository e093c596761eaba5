import { Module } from '@nestjs/common';
import { DedupeModule } from './dedupe/dedupe.module.js';
import { MetricsModule } from '../infrastructure/metrics/metrics.module.js';
import { OutcomePublications } from './outcome-publications.js';
import { ProducerModule } from './producer/producer.module.js';
import { Publications } from './publications.js';

/** Publishes each key once: claim → publish → confirm. */
@Module({
  imports: [DedupeModule, MetricsModule, ProducerModule],
  providers: [Publications, OutcomePublications],
  exports: [Publications, OutcomePublications, DedupeModule, ProducerModule],
})
export class PublishingModule {}
