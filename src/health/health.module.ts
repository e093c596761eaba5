import { Module } from '@nestjs/common';
import { MetricsModule } from '../infrastructure/metrics/metrics.module.js';
import { ProcessModule } from '../infrastructure/process/process.module.js';
import { PublishingModule } from '../publishing/publishing.module.js';
import { SignatureModule } from '../signature/signature.module.js';
import { WebhooksModule } from '../webhooks/webhooks.module.js';
import { HealthController } from './health.controller.js';
import { Readiness } from './readiness.js';

@Module({
  imports: [
    MetricsModule,
    ProcessModule,
    PublishingModule,
    SignatureModule,
    WebhooksModule,
  ],
  controllers: [HealthController],
  providers: [Readiness],
})
export class HealthModule {}
