import { Injectable } from '@nestjs/common';
import { Metrics } from '../infrastructure/metrics/metrics.js';
import {
  overlappingSecrets,
  type OverlappingSecrets,
} from '../signing-secrets/overlapping-secrets.js';
import { SigningSecrets } from '../signing-secrets/signing-secrets.js';
import { WebhookReconciler } from './webhook.reconciler.js';

/**
 * The gauges of static webhooks and their secrets. They are read when `/metrics` is, so those
 * without labels have a value from the start and none has to be zeroed.
 */
@Injectable()
export class WebhooksMetrics {
  constructor(
    metrics: Metrics,
    reconciler: WebhookReconciler,
    private readonly signingSecrets: SigningSecrets,
  ) {
    metrics.observeEach(
      'webhook_state',
      'Static webhooks by their state at Gemini; 1',
      ['webhook', 'state'],
      () =>
        reconciler.observations.map(({ name, state }) => [{ webhook: name, state }, 1]),
    );
    metrics.observeEach(
      'webhook_drift',
      'Differences from the declaration, by webhook',
      ['webhook'],
      () =>
        reconciler.observations.map(({ name, drift }) => [
          { webhook: name },
          drift.length,
        ]),
    );
    metrics.observeEach(
      'secret_overlap_end_timestamp_seconds',
      'When Gemini stops signing with the first of the older secrets of a webhook; absent after that',
      ['webhook'],
      () => this.overlapTimes(({ endsAt }) => endsAt),
    );
    metrics.observeEach(
      'old_secret_used_timestamp_seconds',
      'When a delivery last matched an older secret of a webhook',
      ['webhook'],
      () => this.overlapTimes(({ usedAt }) => usedAt),
    );
    metrics.observe(
      'vault_unsettled',
      'Secrets that Gemini may have issued and that are not stored',
      () => signingSecrets.document.unsettled.length,
    );
    metrics.observe(
      'vault_troubles',
      'Secrets that cannot be unsealed, and 1 while the vault cannot be read',
      () => signingSecrets.troubles.length,
    );
  }

  /** One time for each webhook with older secrets, in seconds. */
  private overlapTimes(
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
}
