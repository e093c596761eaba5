import {
  Module,
  RequestMethod,
  type MiddlewareConsumer,
  type NestModule,
} from '@nestjs/common';
import { json } from 'express';
import { AuthModule } from '../internal-api/auth/auth.module.js';
import { protect } from '../internal-api/auth/protect.js';
import { MetricsModule } from '../infrastructure/metrics/metrics.module.js';
import { WebhookController } from './api/webhook.controller.js';
import { ReconcileLoop } from './reconcile-loop.js';
import { IssuanceRecovery } from './rotation/issuance-recovery.js';
import { WebhookAdministrationModule } from './webhook-administration.module.js';
import { WebhooksMetrics } from './webhooks.metrics.js';

const MAX_BODY_BYTES = 64 * 1024;

/** Static webhooks: their API, the reconciliation with `WEBHOOKS`, and the rotation of their secrets. */
@Module({
  imports: [AuthModule, MetricsModule, WebhookAdministrationModule],
  controllers: [WebhookController],
  providers: [IssuanceRecovery, ReconcileLoop, WebhooksMetrics],
  exports: [WebhookAdministrationModule],
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
