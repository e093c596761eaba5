import { Module } from '@nestjs/common';
import { DedupeModule } from '../dedupe/dedupe.module.js';
import { LogModule } from '../log/log.module.js';
import { MetricsModule } from '../infrastructure/metrics/metrics.module.js';
import { PublisherModule } from '../publisher/publisher.module.js';
import { SignatureModule } from '../signature/signature.module.js';
import { WebhooksModule } from '../webhooks/webhooks.module.js';
import { HealthController } from './health.controller.js';
import { Readiness } from './readiness.js';

@Module({
  imports: [
    DedupeModule,
    LogModule,
    MetricsModule,
    PublisherModule,
    SignatureModule,
    WebhooksModule,
  ],
  controllers: [HealthController],
  providers: [Readiness],
})
export class HealthModule {}
