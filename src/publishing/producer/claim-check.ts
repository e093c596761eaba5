import type { PublishPermit } from '../event-publisher.js';
import { MAX_LAG_MS } from '../topic-history.js';

/**
 * A claim must hold for at least this much longer when a record is sent, in ms. The replica
 * that claims next knows the topics except for their last MAX_LAG_MS, and a request needs a
 * moment to reach the broker.
 */
const SEND_MARGIN_MS = MAX_LAG_MS + 2000;

/** The claim on a record was not renewed in time. Another replica may be writing the record. */
export class ClaimExpired extends Error {
  override readonly name = 'ClaimExpired';
}

/** @throws {ClaimExpired} when the claim ends too soon to send a record under it. */
export function assertClaimHeld({ heldUntil }: PublishPermit): void {
  if (heldUntil - performance.now() >= SEND_MARGIN_MS) return;
  throw new ClaimExpired('the claim was not renewed in time');
}
