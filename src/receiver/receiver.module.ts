import { Module } from '@nestjs/common';
import { GeminiModule } from '../gemini/gemini.module.js';
import { Metrics } from '../infrastructure/metrics/metrics.js';
import { MetricsModule } from '../infrastructure/metrics/metrics.module.js';
import { ProcessModule } from '../infrastructure/process/process.module.js';
import { PublishingModule } from '../publishing/publishing.module.js';
import { JobRegistryModule } from '../jobs/job-registry.module.js';
import { SignatureModule } from '../signature/signature.module.js';
import { TracingModule } from '../infrastructure/tracing/tracing.module.js';
import { ReceiverController } from './receiver.controller.js';
import { zeroReceiverSeries } from './receiver.metrics.js';
import { DeliveryProcessor } from './delivery-processor.js';
import { Admission } from './http/admission.js';
import { PublicListener } from './http/public-listener.js';
import { EventConfirmation } from './job-matching/event-confirmation.js';
import { JobEventRecorder } from './job-matching/job-event-recorder.js';
import { JobMatcher } from './job-matching/job-matcher.js';

/** Gemini's deliveries: verified, and published to Kafka before they are answered 200. */
@Module({
  imports: [
    GeminiModule,
    MetricsModule,
    ProcessModule,
    PublishingModule,
    JobRegistryModule,
    SignatureModule,
    TracingModule,
  ],
  controllers: [ReceiverController],
  providers: [
    Admission,
    DeliveryProcessor,
    EventConfirmation,
    JobEventRecorder,
    JobMatcher,
    PublicListener,
  ],
})
export class ReceiverModule {
  constructor(metrics: Metrics) {
    zeroReceiverSeries(metrics);
  }
}
