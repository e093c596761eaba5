import { Module } from '@nestjs/common';
import { DedupeModule } from './dedupe/dedupe.module.js';
import { MetricsModule } from '../infrastructure/metrics/metrics.module.js';
import { PublisherModule } from './producer/producer.module.js';
import { Attempts } from './publications.js';

/** Publishing what must not be published twice: claim → publish → confirm. */
@Module({
  imports: [DedupeModule, MetricsModule, PublisherModule],
  providers: [Attempts],
  exports: [Attempts, PublisherModule],
})
export class PublicationModule {}
