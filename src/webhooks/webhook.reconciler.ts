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
  swept,
  withGone,
  withThere,
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

/** A round takes seconds; who is at it and dies holds up the others for so long. */
const ROUND_LEASE_MS = 120_000;
const SETTLE_EVERY_MS = 2000;

/**
 * Keeps the static webhooks as they were declared, or says how they differ; renews their
 * secrets when they are old; and settles what somebody began and did not end. One replica at a
 * time compares: that stands in the vault.
 */
@Injectable()
export class WebhookReconciler
  implements OnApplicationBootstrap, BeforeApplicationShutdown
{
  private readonly logger = new Logger(WebhookReconciler.name);
  private readonly holder = randomUUID();
  private readonly ending = new AbortController();
  private running: readonly Promise<void>[] = [];
  /** The comparison that runs last in this process; it never fails. */
  private lastComparison: Promise<unknown> = Promise.resolve();
  /** What was seen, where there is no vault that all replicas read. */
  private ownSights: Readonly<Record<string, WebhookObservation>> = {};

  constructor(
    private readonly webhooks: GeminiWebhooks,
    private readonly issuer: SecretRotator,
    private readonly mender: WebhookRepair,
    private readonly vault: SigningSecrets,
    private readonly jobs: JobRegistry,
    private readonly metrics: Metrics,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    this.metrics.observeEach(
      'webhook_state',
      'Static webhooks by the state that Gemini says; 1',
      ['webhook', 'state'],
      () => this.observations.map(({ name, state }) => [{ webhook: name, state }, 1]),
    );
    this.metrics.observeEach(
      'webhook_drift',
      'What is not as it was declared, by webhook',
      ['webhook'],
      () => this.observations.map(({ name, drift }) => [{ webhook: name }, drift.length]),
    );
    this.metrics.observeEach(
      'secret_overlap_end_timestamp_seconds',
      'When Gemini stops signing with the first of the older secrets of a webhook; none once that is over',
      ['webhook'],
      () => this.ofOldSecrets(({ endsAt }) => endsAt),
    );
    this.metrics.observeEach(
      'old_secret_used_timestamp_seconds',
      'When a delivery last matched a secret of a webhook that is not its newest',
      ['webhook'],
      () => this.ofOldSecrets(({ usedAt }) => usedAt),
    );
    this.metrics.observe(
      'vault_unsettled',
      'Secrets that Gemini may have issued and nobody has sealed yet',
      () => this.vault.document.unsettled.length,
    );
    this.metrics.observe(
      'vault_troubles',
      'Secrets that cannot be opened, and 1 while the vault cannot be read',
      () => this.vault.troubles.length,
    );
  }

  onApplicationBootstrap(): void {
    if (!this.webhooks.configured) return;
    const { mode, intervalMs } = this.config.webhooks;
    this.running = [
      ...(this.vault.configured
        ? [this.runLoop(() => this.issuer.recoverPending(), SETTLE_EVERY_MS)]
        : []),
      ...(mode !== 'off' || this.vault.configured
        ? [this.runLoop(() => this.reconcile(), intervalMs)]
        : []),
    ];
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.ending.abort();
    const most = delay(this.config.shutdownTimeoutMs / 4, undefined, { ref: false });
    await Promise.race([Promise.all(this.running), most]);
  }

  /** What an operator should know, by what it is about. */
  get notices(): Record<string, string> {
    const found: Record<string, string> = {};
    for (const { name, drift } of this.observations) {
      if (drift.length > 0) found[`webhook ${name}`] = drift.join('; ');
    }
    if (this.vault.troubles.length > 0) found['vault'] = this.vault.troubles.join('; ');
    return found;
  }

  /** Compares once, unless another replica is at it or has just been. */
  reconcile(): Promise<void> {
    return this.oneAtATime(() => this.reconcileAlone());
  }

  private async reconcileAlone(): Promise<void> {
    if (!(await this.acquireLease())) return;
    let seen: Readonly<Record<string, WebhookObservation>> | undefined;
    try {
      seen = await this.observeAndRepair();
      await this.pollJobsSoon();
    } finally {
      await this.storeObservations(seen);
    }
  }

  /**
   * Compares although somebody has just been at it, and says what it saw.
   *
   * @throws {ProblemException} 409 while somebody is at it.
   */
  compareNow(): Promise<readonly WebhookObservation[]> {
    return this.oneAtATime(() => this.compareNowAlone());
  }

  private async compareNowAlone(): Promise<readonly WebhookObservation[]> {
    if (!(await this.acquireLease(true))) {
      const again = { 'Retry-After': '10' };
      throw new ProblemException(
        409,
        'webhook-busy',
        'the bridge is comparing already',
        again,
      );
    }
    let seen: Readonly<Record<string, WebhookObservation>> | undefined;
    try {
      seen = await this.observeAndRepair();
      return Object.values(seen);
    } finally {
      await this.storeObservations(seen);
    }
  }

  /** The lease in the vault excludes other replicas. It does not exclude its own holder, this does. */
  private oneAtATime<T>(work: () => Promise<T>): Promise<T> {
    const comparison = this.lastComparison.then(work);
    this.lastComparison = comparison.catch(() => undefined);
    return comparison;
  }

  private get observations(): readonly WebhookObservation[] {
    return Object.values(this.vault.document.seen?.webhooks ?? this.ownSights);
  }

  /** By webhook, of those that have several secrets. */
  private ofOldSecrets(
    read: (old: OverlappingSecrets) => number | undefined,
  ): (readonly [{ webhook: string }, number])[] {
    const { webhooks, seen } = this.vault.document;
    return Object.entries(webhooks).flatMap(([id, { secrets }]) => {
      const ms = read(overlappingSecrets(secrets, this.vault.uses, Date.now()));
      const webhook = seen?.webhooks[id]?.name ?? id;
      return ms === undefined ? [] : [[{ webhook }, ms / 1000] as const];
    });
  }

  private async acquireLease(isUrgent = false): Promise<boolean> {
    if (!this.vault.configured) return true;
    const now = Date.now();
    const { intervalMs } = this.config.webhooks;
    const vault = await this.vault.updateDocument((given) => {
      const isTaken = (given.round?.until ?? 0) > now;
      const isFresh = !isUrgent && (given.seen?.at ?? 0) > now - intervalMs / 2;
      if (isTaken || isFresh) return given;
      return { ...given, round: { holder: this.holder, until: now + ROUND_LEASE_MS } };
    });
    return vault.round?.holder === this.holder;
  }

  private async storeObservations(
    seen: Readonly<Record<string, WebhookObservation>> | undefined,
  ): Promise<void> {
    if (seen) this.ownSights = seen;
    if (!this.vault.configured) return;
    const now = Date.now();
    await this.vault.updateDocument((vault) => {
      const { round, ...rest } = vault;
      const isOurs = round?.holder === this.holder;
      const next: SecretsDocument = {
        ...rest,
        ...(round && !isOurs && { round }),
        ...(seen && { seen: { at: now, webhooks: { ...seen } } }),
      };
      return swept(next, now);
    });
  }

  /** Those that a webhook may not have told of while it was disabled. */
  private async pollJobsSoon(): Promise<void> {
    if (!this.vault.document.lookDue) return;
    const jobs = await pollSoon(this.jobs);
    await this.vault.updateDocument((vault) => ({ ...vault, lookDue: false }));
    this.logger.log({ message: 'Gemini is asked about jobs', jobs });
  }

  private async observeAndRepair(): Promise<Record<string, WebhookObservation>> {
    const { declared, mode } = this.config.webhooks;
    const all = await this.webhooks.all();
    const seen: Record<string, WebhookObservation> = {};
    for (const each of mode === 'off' ? [] : declared) {
      const standing = await this.repairOne(each, all);
      const { webhook } = standing;
      seen[webhook?.id ?? each.name] = {
        name: each.name,
        state: webhook?.state ?? 'missing',
        drift: [...standing.drift],
        isHeld: webhook === undefined || this.mender.isHeld(webhook),
      };
    }
    for (const webhook of all) {
      if (webhook.id in seen || !(webhook.id in this.vault.document.webhooks)) continue;
      const isWell = webhook.state !== DISABLED_BY_GEMINI;
      const drift = isWell ? [] : [`is ${webhook.state}`];
      const { name, state } = webhook;
      seen[webhook.id] = { name, state, drift, isHeld: true };
    }
    if (!this.vault.configured) return seen;
    await this.mender.recordHealthy(all);
    await this.recordGone(all);
    await this.rotateOldSecrets(all);
    await this.reseal();
    return seen;
  }

  /** How the webhook stands after what could be mended was. */
  private async repairOne(
    declared: DeclaredWebhook,
    all: readonly GeminiWebhook[],
  ): Promise<WebhookStatus> {
    const standing = this.standing(declared, all);
    if (standing.drift.length === 0) return standing;
    const { name } = declared;
    const { drift } = standing;
    if (this.config.webhooks.mode === 'report') {
      this.logger.warn({ message: 'webhook is not as declared', name, drift });
      return standing;
    }
    try {
      const isMended = await this.mender.repair(declared, standing, all);
      if (!isMended) return standing;
      this.logger.warn({ message: 'webhook mended', name, drift });
      return this.standing(declared, await this.webhooks.all());
    } catch (error) {
      this.logger.error({ message: 'webhook not mended', name, drift, error });
      return standing;
    }
  }

  private standing(
    declared: DeclaredWebhook,
    all: readonly GeminiWebhook[],
  ): WebhookStatus {
    const { owner } = this.config.webhooks;
    return webhookStatus(declared, all, owner, (webhook) => this.mender.isHeld(webhook));
  }

  /** That a webhook is gone may be a mistake, as with the key of another project: then it comes back. */
  private async recordGone(all: readonly GeminiWebhook[]): Promise<void> {
    const listed = new Set(all.map(({ id }) => id));
    await this.vault.updateDocument((vault) => withThere(vault, listed));
    for (const [id, { goneAt }] of Object.entries(this.vault.document.webhooks)) {
      if (listed.has(id) || goneAt !== undefined) continue;
      if (await this.webhooks.isThere(id).catch(() => true)) continue;
      await this.vault.updateDocument((vault) => withGone(vault, id, Date.now()));
      this.logger.warn({ message: 'webhook is gone at Gemini', webhookId: id });
    }
  }

  /** Secrets that are older than `ROTATE_EVERY_DAYS`. */
  private async rotateOldSecrets(all: readonly GeminiWebhook[]): Promise<void> {
    const { rotateEveryMs } = this.config.webhooks;
    if (rotateEveryMs === 0) return;
    for (const webhook of all) {
      const [newest] = this.vault.document.webhooks[webhook.id]?.secrets ?? [];
      if (!newest || overlapOf(webhook) !== undefined) continue;
      if (Date.now() < newest.issuedAt + rotateEveryMs) continue;
      try {
        await this.issuer.rotate(webhook);
      } catch (error) {
        const { id: webhookId } = webhook;
        this.logger.error({ message: 'secret not rotated', webhookId, error });
      }
    }
  }

  /** Under the newest key, so that older ones can leave the file. */
  private async reseal(): Promise<void> {
    for (const [id, { secrets }] of Object.entries(this.vault.document.webhooks)) {
      for (const secret of secrets) {
        const sealed = await this.vault.reseal(id, secret).catch(() => secret);
        if (sealed === secret) continue;
        await this.vault.updateDocument((vault) =>
          replaced(vault, id, secret.sealed, sealed.sealed),
        );
        this.logger.log({
          message: 'secret sealed anew',
          webhookId: id,
          keyId: secret.keyId,
        });
      }
    }
  }

  private runLoop(work: () => Promise<void>, meanMs: number): Promise<void> {
    const onError = (error: unknown): void =>
      this.logger.warn({ message: 'webhooks not looked after', error });
    const everyMs = meanMs * (0.9 + Math.random() * 0.2); // replicas not all at once
    return runEvery(work, { everyMs, signal: this.ending.signal, onError });
  }
}

function replaced(
  vault: SecretsDocument,
  id: string,
  before: string,
  after: string,
): SecretsDocument {
  const entry = vault.webhooks[id];
  if (!entry) return vault;
  const secrets = entry.secrets.map((each) =>
    each.sealed === before ? { ...each, sealed: after } : each,
  );
  return { ...vault, webhooks: { ...vault.webhooks, [id]: { ...entry, secrets } } };
}
