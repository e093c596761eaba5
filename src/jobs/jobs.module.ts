import {
  Module,
  RequestMethod,
  type MiddlewareConsumer,
  type NestModule,
} from '@nestjs/common';
import { json, type NextFunction, type Request, type Response } from 'express';
import { AuthModule } from '../internal-api/auth/auth.module.js';
import { protect } from '../internal-api/auth/protect.js';
import { GeminiModule } from '../gemini/gemini.module.js';
import { JOB_KINDS } from './job-kinds.js';
import { MetricsModule } from '../infrastructure/metrics/metrics.module.js';
import { PublishingModule } from '../publishing/publishing.module.js';
import { JobRegistryModule } from './job-registry.module.js';
import { SignatureModule } from '../signature/signature.module.js';
import { TracingModule } from '../infrastructure/tracing/tracing.module.js';
import { limitBodyMemory } from './api/body-memory.middleware.js';
import { RateLimitedGemini } from './reconciliation/rate-limited-gemini.js';
import { JobController } from './api/job.controller.js';
import { SubmissionRecovery } from './reconciliation/submission-recovery.js';
import { OncePublisher } from './reconciliation/once-publisher.js';
import { JobReconciler } from './reconciliation/job.reconciler.js';
import { JobResults } from './api/job-results.service.js';
import { JobService } from './api/job.service.js';
import { Idempotency } from './submission/idempotency.js';
import { JobSubmitter } from './submission/job.submitter.js';
import { Submission } from './submission/submission.js';
import { WebhookUrl } from './submission/webhook-url.js';
import { LifecyclePublisher } from './reconciliation/lifecycle-publisher.js';
import { JSONL, JobUploader } from './submission/job.uploader.js';
import { StatusPoller } from './reconciliation/status-poller.js';
import { JobsMetrics } from './jobs.metrics.js';

/** Gemini accepts inline batches up to 20 MB. */
const MAX_BODY_BYTES = 20 * 1024 * 1024;
const BODIES = { each: MAX_BODY_BYTES, all: 2 * MAX_BODY_BYTES };

/** Submits jobs to Gemini and tracks them. Their webhooks arrive at `receiver/`. */
@Module({
  imports: [
    AuthModule,
    GeminiModule,
    MetricsModule,
    PublishingModule,
    JobRegistryModule,
    SignatureModule,
    TracingModule,
  ],
  controllers: [JobController],
  providers: [
    Idempotency,
    RateLimitedGemini,
    Submission,
    SubmissionRecovery,
    OncePublisher,
    JobReconciler,
    JobsMetrics,
    JobResults,
    JobService,
    JobSubmitter,
    LifecyclePublisher,
    JobUploader,
    StatusPoller,
    WebhookUrl,
  ],
})
export class JobsModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    protect(consumer, [JobController]);
    // JSONL is streamed to Gemini and needs no memory
    const limitMemory = limitBodyMemory(BODIES);
    consumer
      .apply(
        (request: Request, response: Response, next: NextFunction) =>
          request.is(JSONL) ? next() : void limitMemory(request, response, next),
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
