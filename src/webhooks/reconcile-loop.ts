import {
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import type { WebhooksConfig } from '../config/config.js';
import { InjectConfig } from '../config/inject-config.js';
import { runEvery } from '../infrastructure/timing/run-every.js';
import { settledWithin } from '../infrastructure/timing/settled-within.js';
import { SigningSecrets } from '../signing-secrets/signing-secrets.js';
import { GeminiWebhooks } from './gemini/gemini-webhooks.client.js';
import { IssuanceRecovery } from './rotation/issuance-recovery.js';
import { WebhookReconciler } from './webhook.reconciler.js';

const RECOVER_EVERY_MS = 2000;

/** Runs the reconciliation and the recovery of pending issuances at their intervals. */
@Injectable()
export class ReconcileLoop implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(ReconcileLoop.name);
  private readonly shutdown = new AbortController();
  private loops: readonly Promise<void>[] = [];

  constructor(
    private readonly webhooks: GeminiWebhooks,
    private readonly reconciler: WebhookReconciler,
    private readonly recovery: IssuanceRecovery,
    private readonly signingSecrets: SigningSecrets,
    @InjectConfig('webhooks') private readonly webhooksConfig: WebhooksConfig,
    @InjectConfig('shutdownTimeoutMs') private readonly shutdownTimeoutMs: number,
  ) {}

  onApplicationBootstrap(): void {
    if (!this.webhooks.configured) return;
    const { mode, intervalMs } = this.webhooksConfig;
    const { configured: hasStore } = this.signingSecrets;
    this.loops = [
      ...(hasStore
        ? [this.runLoop(() => this.recovery.recoverPending(), RECOVER_EVERY_MS)]
        : []),
      ...(hasStore || mode !== 'off'
        ? [this.runLoop(() => this.reconciler.reconcile(), intervalMs)]
        : []),
    ];
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.shutdown.abort();
    await settledWithin(Promise.all(this.loops), this.shutdownTimeoutMs / 4);
  }

  private runLoop(work: () => Promise<unknown>, meanMs: number): Promise<void> {
    const onError = (error: unknown): void =>
      this.logger.warn({ message: 'webhooks not reconciled', error });
    const everyMs = meanMs * (0.9 + Math.random() * 0.2); // spreads the replicas
    return runEvery(work, { everyMs, signal: this.shutdown.signal, onError });
  }
}
