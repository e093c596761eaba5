import type { Attempts } from '../../signing-secrets/secrets-document.js';

/** What has been well for so long needs no patience any more. */
const WELL_AFTER_MS = 24 * 3_600_000;

/** How often something is tried that may not help, and how much more rarely each time. */
export interface Patience {
  readonly max: number;
  readonly firstMs: number;
  readonly capMs: number;
}

export function mayTry(
  done: Attempts | undefined,
  { max, firstMs, capMs }: Patience,
  now: number,
): boolean {
  if (!done) return max > 0;
  const waitMs = Math.min(firstMs * 2 ** done.count, capMs);
  return done.count < max && now >= done.at + waitMs;
}

export function triedAt(done: Attempts | undefined, now: number): Attempts {
  return { count: (done?.count ?? 0) + 1, at: now };
}

/** Undefined when it has been well for long enough. */
export function wellAt(done: Attempts, now: number): Attempts | undefined {
  const { wellSince = now } = done;
  return now - wellSince > WELL_AFTER_MS ? undefined : { ...done, wellSince };
}
