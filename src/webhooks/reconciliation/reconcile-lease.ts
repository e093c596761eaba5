import { randomUUID } from 'node:crypto';
import {
  withReconcileLease,
  withReconciliationEnded,
  type Observations,
} from '../../signing-secrets/reconcile-state.js';
import { withoutExpired } from '../../signing-secrets/secrets-document.js';
import type { SigningSecrets } from '../../signing-secrets/signing-secrets.js';

/** A reconciliation takes seconds. A replica that dies in it blocks the others for this time. */
const LEASE_MS = 120_000;

/**
 * The lease of a reconciliation, in the secrets document: one process at a time reconciles. It does
 * not exclude a second reconciliation of its own process. Without a store every process has it.
 */
export class ReconcileLease {
  private readonly holder = randomUUID();

  constructor(
    private readonly signingSecrets: SigningSecrets,
    private readonly intervalMs: number,
  ) {}

  /**
   * @param force also if a reconciliation was stored within half an interval.
   * @returns false if another process has the lease, or the observations are fresh.
   */
  async acquire(force: boolean): Promise<boolean> {
    if (!this.signingSecrets.configured) return true;
    const now = Date.now();
    const lease = { holder: this.holder, until: now + LEASE_MS };
    const freshSince = force ? Infinity : now - this.intervalMs / 2;
    const { round } = await this.signingSecrets.updateDocument((document) =>
      withReconcileLease(document, lease, now, freshSince),
    );
    return round?.holder === this.holder;
  }

  /** Ends the lease and stores the observations. @param observed undefined if the reconciliation failed. */
  async release(observed: Observations | undefined): Promise<void> {
    if (!this.signingSecrets.configured) return;
    const now = Date.now();
    await this.signingSecrets.updateDocument((document) =>
      withoutExpired(withReconciliationEnded(document, this.holder, observed, now), now),
    );
  }
}
