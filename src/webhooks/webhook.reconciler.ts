import { Injectable, Logger } from '@nestjs/common';
import type { WebhooksConfig } from '../config/config.js';
import { InjectConfig } from '../config/inject-config.js';
import { ProblemException } from '../internal-api/problems/problem.exception.js';
import { JobRegistry } from '../jobs/job-registry.js';
import { pollSoon } from '../jobs/poll-soon.js';
import {
  withJobPollDue,
  type Observations,
  type WebhookObservation,
} from '../signing-secrets/reconcile-state.js';
import {
  withWebhookGone,
  withWebhooksPresent,
} from '../signing-secrets/secrets-document.js';
import { SigningSecrets } from '../signing-secrets/signing-secrets.js';
import type { GeminiWebhook } from './gemini/gemini-webhook.js';
import { GeminiWebhooks } from './gemini/gemini-webhooks.client.js';
import { ReconcileLease } from './reconciliation/reconcile-lease.js';
import {
  DISABLED_BY_GEMINI,
  webhookStatus,
  type DeclaredWebhook,
  type WebhookStatus,
} from './reconciliation/webhook-drift.js';
import { WebhookRepair } from './reconciliation/webhook-repair.js';
import { SecretAgeRotation } from './rotation/secret-age.rotation.js';

export interface ReconcileOptions {
  /** Reconcile even if a replica just did, and ignore the retry policies. */
  readonly force?: boolean;
}

/**
 * Compares the static webhooks with `WEBHOOKS`, and repairs or reports the differences: observe,
 * repair, record. Each pass also rotates old secrets and reseals them under the newest key.
 */
@Injectable()
export class WebhookReconciler {
  private readonly logger = new Logger(WebhookReconciler.name);
  private readonly lease: ReconcileLease;
  /** The last reconciliation of this process. It never rejects. */
  private lastReconciliation: Promise<unknown> = Promise.resolve();
  /** The last observations of this process, used without a secrets store. */
  private ownObservations: Observations = {};

  constructor(
    private readonly webhooks: GeminiWebhooks,
    private readonly webhookRepair: WebhookRepair,
    private readonly ageRotation: SecretAgeRotation,
    private readonly signingSecrets: SigningSecrets,
    private readonly jobs: JobRegistry,
    @InjectConfig('webhooks') private readonly webhooksConfig: WebhooksConfig,
  ) {
    this.lease = new ReconcileLease(signingSecrets, webhooksConfig.intervalMs);
  }

  /** Observations of the last reconciliation of any replica, after its repairs. */
  get observations(): readonly WebhookObservation[] {
    return Object.values(
      this.signingSecrets.document.seen?.webhooks ?? this.ownObservations,
    );
  }

  /** Messages for operators, by webhook or `vault`; `/health/ready` shows them. */
  get notices(): Record<string, string> {
    const found: Record<string, string> = {};
    for (const { name, drift } of this.observations) {
      if (drift.length > 0) found[`webhook ${name}`] = drift.join('; ');
    }
    const { troubles } = this.signingSecrets;
    if (troubles.length > 0) found['vault'] = troubles.join('; ');
    return found;
  }

  /**
   * Runs one pass. Without `force` it does nothing while another process reconciles, or if one did
   * within half an interval.
   *
   * @returns the observations after the repairs.
   * @throws {ProblemException} 409 with `force`, while another process reconciles.
   */
  reconcile({ force = false }: ReconcileOptions = {}): Promise<
    readonly WebhookObservation[]
  > {
    // The lease excludes other processes, this queue a second pass of the same process
    const reconciliation = this.lastReconciliation.then(() => this.reconcileAlone(force));
    this.lastReconciliation = reconciliation.catch(() => undefined);
    return reconciliation;
  }

  private async reconcileAlone(force: boolean): Promise<readonly WebhookObservation[]> {
    if (!(await this.lease.acquire(force))) {
      if (force) throw reconcilerBusy();
      return this.observations;
    }
    let observed: Observations | undefined;
    try {
      observed = await this.observeAndRepair(force);
      // A forced pass runs in the CLI, whose job registry may be another one
      if (!force) await this.pollJobsSoon();
      return Object.values(observed);
    } finally {
      if (observed) this.ownObservations = observed;
      await this.lease.release(observed);
    }
  }

  private async observeAndRepair(force: boolean): Promise<Observations> {
    const all = await this.webhooks.all();
    const declared = await this.reconcileDeclared(all, force);
    const observed = { ...this.observeOthers(all, declared), ...declared };
    if (!this.signingSecrets.configured) return observed;
    await this.webhookRepair.recordHealthy(all);
    await this.recordGone(all);
    await this.ageRotation.rotateOldSecrets(all);
    await this.signingSecrets.resealAll();
    return observed;
  }

  private async reconcileDeclared(
    all: readonly GeminiWebhook[],
    force: boolean,
  ): Promise<Observations> {
    const { declared, mode } = this.webhooksConfig;
    const observed: Record<string, WebhookObservation> = {};
    for (const each of mode === 'off' ? [] : declared) {
      const { webhook, drift } = await this.repairOne(each, all, force);
      observed[webhook?.id ?? each.name] = {
        name: each.name,
        state: webhook?.state ?? 'missing',
        drift: [...drift],
        isHeld: webhook === undefined || this.webhookRepair.isHeld(webhook),
      };
    }
    return observed;
  }

  /** Webhooks that were created through the API, not declared: only their state is observed. */
  private observeOthers(
    all: readonly GeminiWebhook[],
    declared: Observations,
  ): Observations {
    const { webhooks } = this.signingSecrets.document;
    const others = all.filter(({ id }) => !(id in declared) && id in webhooks);
    return Object.fromEntries(
      others.map(({ id, name, state }) => {
        const drift = state === DISABLED_BY_GEMINI ? [`is ${state}`] : [];
        return [id, { name, state, drift, isHeld: true }];
      }),
    );
  }

  /** @returns the status of the webhook after the repair. */
  private async repairOne(
    declared: DeclaredWebhook,
    all: readonly GeminiWebhook[],
    force: boolean,
  ): Promise<WebhookStatus> {
    const status = this.statusOf(declared, all);
    const { name } = declared;
    const { drift } = status;
    if (drift.length === 0) return status;
    if (this.webhooksConfig.mode === 'report') {
      this.logger.warn({ message: 'webhook is not as declared', name, drift });
      return status;
    }
    try {
      const isRepaired = await this.webhookRepair.repair(declared, status, all, {
        force,
      });
      if (!isRepaired) return status;
      this.logger.warn({ message: 'webhook repaired', name, drift });
      return this.statusOf(declared, await this.webhooks.all());
    } catch (error) {
      this.logger.error({ message: 'webhook not repaired', name, drift, error });
      return status;
    }
  }

  private statusOf(
    declared: DeclaredWebhook,
    all: readonly GeminiWebhook[],
  ): WebhookStatus {
    const { owner } = this.webhooksConfig;
    return webhookStatus(declared, all, owner, (webhook) =>
      this.webhookRepair.isHeld(webhook),
    );
  }

  /**
   * Marks webhooks that Gemini does not know, and removes the mark if one comes back: with the API
   * key of another project all of them are missing.
   */
  private async recordGone(all: readonly GeminiWebhook[]): Promise<void> {
    const listed = new Set(all.map(({ id }) => id));
    const { webhooks } = await this.signingSecrets.updateDocument((document) =>
      withWebhooksPresent(document, listed),
    );
    for (const [id, { goneAt }] of Object.entries(webhooks)) {
      if (listed.has(id) || goneAt !== undefined) continue;
      if (await this.webhooks.exists(id).catch(() => true)) continue;
      await this.signingSecrets.updateDocument((document) =>
        withWebhookGone(document, id, Date.now()),
      );
      this.logger.warn({ message: 'webhook is gone at Gemini', webhookId: id });
    }
  }

  /** Polls Gemini about jobs whose events a disabled webhook may have missed. */
  private async pollJobsSoon(): Promise<void> {
    if (!this.signingSecrets.document.lookDue) return;
    const jobs = await pollSoon(this.jobs);
    await this.signingSecrets.updateDocument((document) =>
      withJobPollDue(document, false),
    );
    this.logger.log({ message: 'jobs are polled, because a webhook was disabled', jobs });
  }
}

function reconcilerBusy(): ProblemException {
  const detail = 'another process reconciles the webhooks now';
  return new ProblemException(409, 'webhook-busy', detail, { 'Retry-After': '10' });
}
