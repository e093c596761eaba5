import {
  Module,
  RequestMethod,
  type MiddlewareConsumer,
  type NestModule,
} from '@nestjs/common';
import { json, type NextFunction, type Request, type Response } from 'express';
import { AccessModule } from '../internal-api/auth/auth.module.js';
import { protect } from '../internal-api/auth/protect.js';
import { GeminiModule } from '../gemini/gemini.module.js';
import { JOB_KINDS } from '../kinds/job-kinds.js';
import { MetricsModule } from '../infrastructure/metrics/metrics.module.js';
import { PublicationModule } from '../publishing/publishing.module.js';
import { RegistryModule } from '../registry/registry.module.js';
import { SignatureModule } from '../signature/signature.module.js';
import { TracingModule } from '../infrastructure/tracing/tracing.module.js';
import { bodyRoom } from './body-room.js';
import { GeminiQuestions } from './gemini-questions.js';
import { JobController } from './job.controller.js';
import { JobFinder } from './job.finder.js';
import { JobPublications } from './job.publications.js';
import { JobReconciler } from './job.reconciler.js';
import { JobResults } from './job.results.js';
import { JobService } from './job.service.js';
import { JobSubmitter } from './job.submitter.js';
import { JobTeller } from './job.teller.js';
import { JSONL, JobUploader } from './job.uploader.js';
import { JobWatcher } from './job.watcher.js';

/** Gemini takes inline batches up to 20 MB. */
const MAX_BODY_BYTES = 20 * 1024 * 1024;
const BODIES = { each: MAX_BODY_BYTES, all: 2 * MAX_BODY_BYTES };

/** Jobs out; their webhooks come back through `bridge/`. */
@Module({
  imports: [
    AccessModule,
    GeminiModule,
    MetricsModule,
    PublicationModule,
    RegistryModule,
    SignatureModule,
    TracingModule,
  ],
  controllers: [JobController],
  providers: [
    GeminiQuestions,
    JobFinder,
    JobPublications,
    JobReconciler,
    JobResults,
    JobService,
    JobSubmitter,
    JobTeller,
    JobUploader,
    JobWatcher,
  ],
})
export class JobsModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    protect(consumer, [JobController]);
    // JSONL is not held, but passed on as it comes
    const room = bodyRoom(BODIES);
    consumer
      .apply(
        (request: Request, response: Response, next: NextFunction) =>
          request.is(JSONL) ? next() : void room(request, response, next),
        json({ limit: MAX_BODY_BYTES }),
      )
      .forRoutes(
        ...JOB_KINDS.map(({ collection }) => ({
          path: `/v1/${collection}`,
          method: RequestMethod.POST,
        })),
      );
  }
}
