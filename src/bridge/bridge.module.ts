import { Module } from '@nestjs/common';
import { DedupeModule } from '../dedupe/dedupe.module.js';
import { GeminiModule } from '../gemini/gemini.module.js';
import { MetricsModule } from '../metrics/metrics.module.js';
import { PublisherModule } from '../publisher/publisher.module.js';
import { RegistryModule } from '../registry/registry.module.js';
import { SignatureModule } from '../signature/signature.module.js';
import { Attempts } from './attempts.js';
import { BridgeController } from './bridge.controller.js';
import { EventConfirmation } from './event-confirmation.js';

/** Gemini webhook in, Kafka record out. */
@Module({
  imports: [
    DedupeModule,
    GeminiModule,
    MetricsModule,
    PublisherModule,
    RegistryModule,
    SignatureModule,
  ],
  controllers: [BridgeController],
  providers: [Attempts, EventConfirmation],
})
export class BridgeModule {}
