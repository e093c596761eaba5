import {
  Module,
  RequestMethod,
  type MiddlewareConsumer,
  type NestModule,
} from '@nestjs/common';
import { json } from 'express';
import { AuthModule } from '../internal-api/auth/auth.module.js';
import { protect } from '../internal-api/auth/protect.js';
import { GeminiModule } from '../gemini/gemini.module.js';
import { MetricsModule } from '../infrastructure/metrics/metrics.module.js';
import { JobRegistryModule } from '../jobs/job-registry.module.js';
import { SigningSecretsModule } from '../signing-secrets/signing-secrets.module.js';
import { WebhookController } from './api/webhook.controller.js';
import { GeminiWebhooks } from './gemini/gemini-webhooks.client.js';
import { ReconcileLoop } from './reconcile-loop.js';
import { WebhookRepair } from './reconciliation/webhook-repair.js';
import { IssuanceRecovery } from './rotation/issuance-recovery.js';
import { SecretAgeRotation } from './rotation/secret-age.rotation.js';
import { SecretRotator } from './rotation/secret.rotator.js';
import { WebhookReconciler } from './webhook.reconciler.js';
import { WebhookService } from './webhook.service.js';
import { WebhooksMetrics } from './webhooks.metrics.js';

const MAX_BODY_BYTES = 64 * 1024;

/** Static webhooks: their API, the reconciliation with `WEBHOOKS`, and the rotation of their secrets. */
@Module({
  imports: [
    AuthModule,
    GeminiModule,
    MetricsModule,
    JobRegistryModule,
    SigningSecretsModule,
  ],
  controllers: [WebhookController],
  providers: [
    GeminiWebhooks,
    IssuanceRecovery,
    ReconcileLoop,
    SecretAgeRotation,
    SecretRotator,
    WebhookReconciler,
    WebhookRepair,
    WebhookService,
    WebhooksMetrics,
  ],
  exports: [WebhookReconciler],
})
export class WebhooksModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    protect(consumer, [WebhookController]);
    consumer
      .apply(json({ limit: MAX_BODY_BYTES }))
      .forRoutes(
        { path: '/v1/webhooks', method: RequestMethod.POST },
        { path: '/v1/webhooks/:id', method: RequestMethod.PATCH },
        { path: '/v1/webhooks/:id/rotate', method: RequestMethod.POST },
      );
  }
}
