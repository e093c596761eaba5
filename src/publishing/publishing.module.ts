import { Module } from '@nestjs/common';
import { DedupeModule } from './dedupe/dedupe.module.js';
import { MetricsModule } from '../infrastructure/metrics/metrics.module.js';
import { JobEndPublications } from './job-end-publications.js';
import { ProducerModule } from './producer/producer.module.js';
import { Publications } from './publications.js';

/** Publishes each key once: claim → publish → confirm. */
@Module({
  imports: [DedupeModule, MetricsModule, ProducerModule],
  providers: [Publications, JobEndPublications],
  exports: [Publications, JobEndPublications, DedupeModule, ProducerModule],
})
export class PublishingModule {}
