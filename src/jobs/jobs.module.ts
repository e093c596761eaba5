import {
  Module,
  RequestMethod,
  type MiddlewareConsumer,
  type NestModule,
} from '@nestjs/common';
import { json } from 'express';
import { AccessModule } from '../access/access.module.js';
import { protect } from '../access/protect.js';
import { GeminiModule } from '../gemini/gemini.module.js';
import { MetricsModule } from '../metrics/metrics.module.js';
import { PublicationModule } from '../publication/publication.module.js';
import { RegistryModule } from '../registry/registry.module.js';
import { SignatureModule } from '../signature/signature.module.js';
import { JobCaretaker } from './job.caretaker.js';
import { JobController } from './job.controller.js';
import { JobReconciler } from './job.reconciler.js';
import { JobResults } from './job.results.js';
import { JobService } from './job.service.js';
import { JobSubmitter } from './job.submitter.js';
import { JobUploader } from './job.uploader.js';

/** Gemini takes inline batches up to 20 MB. */
const MAX_BODY_BYTES = 20 * 1024 * 1024;

/** Jobs out; their webhooks come back through `bridge/`. */
@Module({
  imports: [
    AccessModule,
    GeminiModule,
    MetricsModule,
    PublicationModule,
    RegistryModule,
    SignatureModule,
  ],
  controllers: [JobController],
  providers: [
    JobCaretaker,
    JobReconciler,
    JobResults,
    JobService,
    JobSubmitter,
    JobUploader,
  ],
})
export class JobsModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    protect(consumer, [JobController]);
    consumer
      .apply(json({ limit: MAX_BODY_BYTES }))
      .forRoutes({ path: '/v1/:collection', method: RequestMethod.POST });
  }
}
