import { Module } from '@nestjs/common';
import { GeminiModule } from '../gemini/gemini.module.js';
import { JobRegistryModule } from '../jobs/job-registry.module.js';
import { SigningSecretsModule } from '../signing-secrets/signing-secrets.module.js';
import { GeminiWebhooks } from './gemini/gemini-webhooks.client.js';
import { WebhookRepair } from './reconciliation/webhook-repair.js';
import { SecretAgeRotation } from './rotation/secret-age.rotation.js';
import { SecretRotator } from './rotation/secret.rotator.js';
import { WebhookReconciler } from './webhook.reconciler.js';
import { WebhookService } from './webhook.service.js';

/** Static webhooks without loops and API. The CLI runs with it, and `WebhooksModule` adds the rest. */
@Module({
  imports: [GeminiModule, JobRegistryModule, SigningSecretsModule],
  providers: [
    GeminiWebhooks,
    SecretAgeRotation,
    SecretRotator,
    WebhookReconciler,
    WebhookRepair,
    WebhookService,
  ],
  exports: [
    GeminiWebhooks,
    SecretRotator,
    SigningSecretsModule,
    WebhookReconciler,
    WebhookService,
  ],
})
export class WebhookAdministrationModule {}
