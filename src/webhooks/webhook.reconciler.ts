import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { Metrics } from '../infrastructure/metrics/metrics.js';
import { ProblemException } from '../internal-api/problems/problem.exception.js';
import { JobRegistry } from '../jobs/job-registry.js';
import { pollSoon } from '../jobs/poll-soon.js';
import { runEvery } from '../infrastructure/timing/run-every.js';
import {
  overlappingSecrets,
  type OverlappingSecrets,
} from '../signing-secrets/overlapping-secrets.js';
import { SigningSecrets } from '../signing-secrets/signing-secrets.js';
import {
  withoutExpired,
  withWebhookGone,
  withWebhooksPresent,
  type WebhookObservation,
  type SecretsDocument,
} from '../signing-secrets/secrets-document.js';
import type { GeminiWebhook } from './gemini/gemini-webhook.js';
import { GeminiWebhooks } from './gemini/gemini-webhooks.client.js';
import { SecretRotator } from './rotation/secret.rotator.js';
import {
  DISABLED_BY_GEMINI,
  webhookStatus,
  type DeclaredWebhook,
  type WebhookStatus,
} from './reconciliation/webhook-drift.js';
import { WebhookRepair } from './reconciliation/webhook-repair.js';
import { overlapOf } from './webhook.service.js';

/** A reconciliation takes seconds. A replica that dies in it blocks the others for this time. */
const LEASE_MS = 120_000;
const RECOVER_EVERY_MS = 2000;

/**
 * Compares the static webhooks with `WEBHOOKS`, and repairs or reports the differences. It also
 * rotates old secrets, reseals them under the newest key, and recovers pending issuances.
 *
 * One replica at a time reconciles: the secrets document has the lease.
 */
@Injectable()
export class WebhookReconciler
  implements OnApplicationBootstrap, BeforeApplicationShutdown
{
  private readonly logger = new Logger(WebhookReconciler.name);
  private readonly holder = randomUUID();
  private readonly shutdown = new AbortController();
  private loops: readonly Promise<void>[] = [];
  /** The last reconciliation of this process. It never rejects. */
  private lastReconciliation: Promise<unknown> = Promise.resolve();
  /** The last observations of this process, used without a secrets store. */
  private ownObservations: Readonly<Record<string, WebhookObservation>> = {};

  constructor(
    private readonly webhooks: GeminiWebhooks,
    private readonly rotator: SecretRotator,
    private readonly webhookRepair: WebhookRepair,
    private readonly signingSecrets: SigningSecrets,
    private readonly jobs: JobRegistry,
    private readonly metrics: Metrics,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    this.metrics.observeEach(
      'webhook_state',
      'Static webhooks by their state at Gemini; 1',
      ['webhook', 'state'],
      () => this.observations.map(({ name, state }) => [{ webhook: name, state }, 1]),
    );
    this.metrics.observeEach(
      'webhook_drift',
      'Differences from the declaration, by webhook',
      ['webhook'],
      () => this.observations.map(({ name, drift }) => [{ webhook: name }, drift.length]),
    );
    this.metrics.observeEach(
      'secret_overlap_end_timestamp_seconds',
      'When Gemini stops signing with the first of the older secrets of a webhook; absent after that',
      ['webhook'],
      () => this.eachOverlap(({ endsAt }) => endsAt),
    );
    this.metrics.observeEach(
      'old_secret_used_timestamp_seconds',
      'When a delivery last matched an older secret of a webhook',
      ['webhook'],
      () => this.eachOverlap(({ usedAt }) => usedAt),
    );
    this.metrics.observe(
      'vault_unsettled',
      'Secrets that Gemini may have issued and that are not stored',
      () => this.signingSecrets.document.unsettled.length,
    );
    this.metrics.observe(
      'vault_troubles',
      'Secrets that cannot be unsealed, and 1 while the vault cannot be read',
      () => this.signingSecrets.troubles.length,
    );
  }

  onApplicationBootstrap(): void {
    if (!this.webhooks.configured) return;
    const { mode, intervalMs } = this.config.webhooks;
    this.loops = [
      ...(this.signingSecrets.configured
        ? [this.runLoop(() => this.rotator.recoverPending(), RECOVER_EVERY_MS)]
        : []),
      ...(mode !== 'off' || this.signingSecrets.configured
        ? [this.runLoop(() => this.reconcile(), intervalMs)]
        : []),
    ];
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.shutdown.abort();
    const most = delay(this.config.shutdownTimeoutMs / 4, undefined, { ref: false });
    await Promise.race([Promise.all(this.loops), most]);
  }

  /** Messages for operators, by webhook or `vault`; `/health/ready` shows them. */
  get notices(): Record<string, string> {
    const found: Record<string, string> = {};
    for (const { name, drift } of this.observations) {
      if (drift.length > 0) found[`webhook ${name}`] = drift.join('; ');
    }
    if (this.signingSecrets.troubles.length > 0)
      found['vault'] = this.signingSecrets.troubles.join('; ');
    return found;
  }

  /** Reconciles once, unless another replica does so now or did within half an interval. */
  reconcile(): Promise<void> {
    return this.oneAtATime(() => this.reconcileAlone());
  }

  private async reconcileAlone(): Promise<void> {
    if (!(await this.acquireLease())) return;
    let observations: Readonly<Record<string, WebhookObservation>> | undefined;
    try {
      observations = await this.observeAndRepair();
      await this.pollJobsSoon();
    } finally {
      await this.storeObservations(observations);
    }
  }

  /**
   * Reconciles even if a replica just did.
   *
   * @returns the observations after the repairs.
   * @throws {ProblemException} 409 while another process reconciles.
   */
  reconcileNow(): Promise<readonly WebhookObservation[]> {
    return this.oneAtATime(() => this.reconcileNowAlone());
  }

  private async reconcileNowAlone(): Promise<readonly WebhookObservation[]> {
    if (!(await this.acquireLease(true))) {
      const again = { 'Retry-After': '10' };
      throw new ProblemException(
        409,
        'webhook-busy',
        'another process reconciles the webhooks now',
        again,
      );
    }
    let observations: Readonly<Record<string, WebhookObservation>> | undefined;
    try {
      observations = await this.observeAndRepair();
      return Object.values(observations);
    } finally {
      await this.storeObservations(observations);
    }
  }

  /** The lease excludes other replicas. This queue excludes a second reconciliation of the same process. */
  private oneAtATime<T>(work: () => Promise<T>): Promise<T> {
    const comparison = this.lastReconciliation.then(work);
    this.lastReconciliation = comparison.catch(() => undefined);
    return comparison;
  }

  private get observations(): readonly WebhookObservation[] {
    return Object.values(
      this.signingSecrets.document.seen?.webhooks ?? this.ownObservations,
    );
  }

  /** One value for each webhook with older secrets, for a metric in seconds. */
  private eachOverlap(
    timeOf: (overlap: OverlappingSecrets) => number | undefined,
  ): (readonly [{ webhook: string }, number])[] {
    const { webhooks, seen } = this.signingSecrets.document;
    return Object.entries(webhooks).flatMap(([id, { secrets }]) => {
      const ms = timeOf(
        overlappingSecrets(secrets, this.signingSecrets.uses, Date.now()),
      );
      const webhook = seen?.webhooks[id]?.name ?? id;
      return ms === undefined ? [] : [[{ webhook }, ms / 1000] as const];
    });
  }

  private async acquireLease(isUrgent = false): Promise<boolean> {
    if (!this.signingSecrets.configured) return true;
    const now = Date.now();
    const { intervalMs } = this.config.webhooks;
    const document = await this.signingSecrets.updateDocument((given) => {
      const isTaken = (given.round?.until ?? 0) > now;
      const isFresh = !isUrgent && (given.seen?.at ?? 0) > now - intervalMs / 2;
      if (isTaken || isFresh) return given;
      return { ...given, round: { holder: this.holder, until: now + LEASE_MS } };
    });
    return document.round?.holder === this.holder;
  }

  private async storeObservations(
    seen: Readonly<Record<string, WebhookObservation>> | undefined,
  ): Promise<void> {
    if (seen) this.ownObservations = seen;
    if (!this.signingSecrets.configured) return;
    const now = Date.now();
    await this.signingSecrets.updateDocument((document) => {
      const { round, ...rest } = document;
      const isOurs = round?.holder === this.holder;
      const next: SecretsDocument = {
        ...rest,
        ...(round && !isOurs && { round }),
        ...(seen && { seen: { at: now, webhooks: { ...seen } } }),
      };
      return withoutExpired(next, now);
    });
  }

  /** Polls Gemini about jobs whose events a disabled webhook may have missed. */
  private async pollJobsSoon(): Promise<void> {
    if (!this.signingSecrets.document.lookDue) return;
    const jobs = await pollSoon(this.jobs);
    await this.signingSecrets.updateDocument((document) => ({
      ...document,
      lookDue: false,
    }));
    this.logger.log({ message: 'jobs are polled, because a webhook was disabled', jobs });
  }

  private async observeAndRepair(): Promise<Record<string, WebhookObservation>> {
    const { declared, mode } = this.config.webhooks;
    const all = await this.webhooks.all();
    const seen: Record<string, WebhookObservation> = {};
    for (const each of mode === 'off' ? [] : declared) {
      const status = await this.repairOne(each, all);
      const { webhook } = status;
      seen[webhook?.id ?? each.name] = {
        name: each.name,
        state: webhook?.state ?? 'missing',
        drift: [...status.drift],
        isHeld: webhook === undefined || this.webhookRepair.isHeld(webhook),
      };
    }
    for (const webhook of all) {
      if (webhook.id in seen || !(webhook.id in this.signingSecrets.document.webhooks))
        continue;
      const isWell = webhook.state !== DISABLED_BY_GEMINI;
      const drift = isWell ? [] : [`is ${webhook.state}`];
      const { name, state } = webhook;
      seen[webhook.id] = { name, state, drift, isHeld: true };
    }
    if (!this.signingSecrets.configured) return seen;
    await this.webhookRepair.recordHealthy(all);
    await this.recordGone(all);
    await this.rotateOldSecrets(all);
    await this.reseal();
    return seen;
  }

  /** Repairs one webhook. @returns its status after that. */
  private async repairOne(
    declared: DeclaredWebhook,
    all: readonly GeminiWebhook[],
  ): Promise<WebhookStatus> {
    const status = this.status(declared, all);
    if (status.drift.length === 0) return status;
    const { name } = declared;
    const { drift } = status;
    if (this.config.webhooks.mode === 'report') {
      this.logger.warn({ message: 'webhook is not as declared', name, drift });
      return status;
    }
    try {
      const isRepaired = await this.webhookRepair.repair(declared, status, all);
      if (!isRepaired) return status;
      this.logger.warn({ message: 'webhook repaired', name, drift });
      return this.status(declared, await this.webhooks.all());
    } catch (error) {
      this.logger.error({ message: 'webhook not repaired', name, drift, error });
      return status;
    }
  }

  private status(
    declared: DeclaredWebhook,
    all: readonly GeminiWebhook[],
  ): WebhookStatus {
    const { owner } = this.config.webhooks;
    return webhookStatus(declared, all, owner, (webhook) =>
      this.webhookRepair.isHeld(webhook),
    );
  }

  /** Marks webhooks that Gemini does not know. The mark is removed if one comes back: with another project's API key all are missing. */
  private async recordGone(all: readonly GeminiWebhook[]): Promise<void> {
    const listed = new Set(all.map(({ id }) => id));
    await this.signingSecrets.updateDocument((document) =>
      withWebhooksPresent(document, listed),
    );
    for (const [id, { goneAt }] of Object.entries(
      this.signingSecrets.document.webhooks,
    )) {
      if (listed.has(id) || goneAt !== undefined) continue;
      if (await this.webhooks.exists(id).catch(() => true)) continue;
      await this.signingSecrets.updateDocument((document) =>
        withWebhookGone(document, id, Date.now()),
      );
      this.logger.warn({ message: 'webhook is gone at Gemini', webhookId: id });
    }
  }

  /** Rotates webhooks whose newest secret is older than `ROTATE_EVERY_DAYS`. */
  private async rotateOldSecrets(all: readonly GeminiWebhook[]): Promise<void> {
    const { rotateEveryMs } = this.config.webhooks;
    if (rotateEveryMs === 0) return;
    for (const webhook of all) {
      const [newest] = this.signingSecrets.document.webhooks[webhook.id]?.secrets ?? [];
      if (!newest || overlapOf(webhook) !== undefined) continue;
      if (Date.now() < newest.issuedAt + rotateEveryMs) continue;
      try {
        await this.rotator.rotate(webhook);
      } catch (error) {
        const { id: webhookId } = webhook;
        this.logger.error({ message: 'secret not rotated', webhookId, error });
      }
    }
  }

  /** Reseals all secrets under the newest key, so that older keys can be removed from `VAULT_KEYS_FILE`. */
  private async reseal(): Promise<void> {
    for (const [id, { secrets }] of Object.entries(
      this.signingSecrets.document.webhooks,
    )) {
      for (const secret of secrets) {
        const sealed = await this.signingSecrets.reseal(id, secret).catch(() => secret);
        if (sealed === secret) continue;
        await this.signingSecrets.updateDocument((document) =>
          withResealed(document, id, secret.sealed, sealed.sealed),
        );
        this.logger.log({
          message: 'secret resealed under the newest key',
          webhookId: id,
          keyId: secret.keyId,
        });
      }
    }
  }

  private runLoop(work: () => Promise<void>, meanMs: number): Promise<void> {
    const onError = (error: unknown): void =>
      this.logger.warn({ message: 'webhooks not reconciled', error });
    const everyMs = meanMs * (0.9 + Math.random() * 0.2); // spreads the replicas
    return runEvery(work, { everyMs, signal: this.shutdown.signal, onError });
  }
}

function withResealed(
  document: SecretsDocument,
  id: string,
  before: string,
  after: string,
): SecretsDocument {
  const entry = document.webhooks[id];
  if (!entry) return document;
  const secrets = entry.secrets.map((each) =>
    each.sealed === before ? { ...each, sealed: after } : each,
  );
  return { ...document, webhooks: { ...document.webhooks, [id]: { ...entry, secrets } } };
}
