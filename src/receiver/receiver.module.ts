import { Module } from '@nestjs/common';
import { GeminiModule } from '../gemini/gemini.module.js';
import { MetricsModule } from '../infrastructure/metrics/metrics.module.js';
import { PublicationModule } from '../publishing/publishing.module.js';
import { RegistryModule } from '../jobs/job-registry.module.js';
import { SignatureModule } from '../signature/signature.module.js';
import { TracingModule } from '../infrastructure/tracing/tracing.module.js';
import { BridgeController } from './receiver.controller.js';
import { EventConfirmation } from './job-matching/event-confirmation.js';
import { EventNotes } from './job-matching/job-event-recorder.js';
import { JobIdentity } from './job-matching/job-matcher.js';

/** Gemini webhook in, Kafka record out. */
@Module({
  imports: [
    GeminiModule,
    MetricsModule,
    PublicationModule,
    RegistryModule,
    SignatureModule,
    TracingModule,
  ],
  controllers: [BridgeController],
  providers: [EventConfirmation, EventNotes, JobIdentity],
})
export class BridgeModule {}
