import { Injectable, Logger } from '@nestjs/common';
import type { WebhooksConfig } from '../../config/config.js';
import { InjectConfig } from '../../config/inject-config.js';
import { SigningSecrets } from '../../signing-secrets/signing-secrets.js';
import { overlapEnd, type GeminiWebhook } from '../gemini/gemini-webhook.js';
import { SecretRotator } from './secret.rotator.js';

/** Rotates webhooks whose newest secret is older than `ROTATE_EVERY_DAYS`. */
@Injectable()
export class SecretAgeRotation {
  private readonly logger = new Logger(SecretAgeRotation.name);

  constructor(
    private readonly rotator: SecretRotator,
    private readonly signingSecrets: SigningSecrets,
    @InjectConfig('webhooks') private readonly webhooksConfig: WebhooksConfig,
  ) {}

  /** A failed rotation is logged and does not prevent the others. */
  async rotateOldSecrets(all: readonly GeminiWebhook[]): Promise<void> {
    for (const webhook of all) {
      if (this.isRotationDue(webhook)) await this.rotate(webhook);
    }
  }

  /** False while an older secret is valid: another rotation then could leave deliveries without a known secret. */
  private isRotationDue(webhook: GeminiWebhook): boolean {
    const { rotateEveryMs } = this.webhooksConfig;
    const [newest] = this.signingSecrets.document.webhooks[webhook.id]?.secrets ?? [];
    if (rotateEveryMs === 0 || !newest || overlapEnd(webhook) !== undefined) return false;
    return Date.now() >= newest.issuedAt + rotateEveryMs;
  }

  private async rotate(webhook: GeminiWebhook): Promise<void> {
    try {
      await this.rotator.rotate(webhook);
    } catch (error) {
      this.logger.error({
        message: 'secret not rotated',
        webhookId: webhook.id,
        error,
      });
    }
  }
}
