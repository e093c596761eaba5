import { Module } from '@nestjs/common';
import { DedupeModule } from '../publishing/dedupe/dedupe.module.js';
import { TopicHistoryModule } from '../publishing/history/topic-history.module.js';
import { MetricsModule } from '../infrastructure/metrics/metrics.module.js';
import { ProducerModule } from '../publishing/producer/producer.module.js';
import { SignatureModule } from '../signature/signature.module.js';
import { WebhooksModule } from '../webhooks/webhooks.module.js';
import { HealthController } from './health.controller.js';
import { Readiness } from './readiness.js';

@Module({
  imports: [
    DedupeModule,
    TopicHistoryModule,
    MetricsModule,
    ProducerModule,
    SignatureModule,
    WebhooksModule,
  ],
  controllers: [HealthController],
  providers: [Readiness],
})
export class HealthModule {}
