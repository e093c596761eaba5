import { Module } from '@nestjs/common';
import { DedupeModule } from '../dedupe/dedupe.module.js';
import { LogModule } from '../log/log.module.js';
import { PublisherModule } from '../publisher/publisher.module.js';
import { SignatureModule } from '../signature/signature.module.js';
import { WebhooksModule } from '../webhooks/webhooks.module.js';
import { HealthController } from './health.controller.js';

@Module({
  imports: [DedupeModule, LogModule, PublisherModule, SignatureModule, WebhooksModule],
  controllers: [HealthController],
})
export class HealthModule {}
