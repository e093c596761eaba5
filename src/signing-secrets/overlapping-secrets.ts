import type { SealedSecret } from './secrets-document.js';

/** What is known of the secrets of a webhook that are live beside its newest. Unix ms. */
export interface OverlappingSecrets {
  /** When the first of them ends. */
  readonly endsAt: number | undefined;
  /** When a delivery was last verified with one of them. */
  readonly usedAt: number | undefined;
}

/**
 * @param secrets of a webhook, newest first.
 * @param uses by key id: what this process knows, and the vault does not yet.
 */
export function overlappingSecrets(
  [, ...old]: readonly SealedSecret[],
  uses: ReadonlyMap<string, number>,
  now: number,
): OverlappingSecrets {
  const live = old.filter(({ expiresAt = Infinity }) => expiresAt > now);
  const ends = live.flatMap(({ expiresAt }) => expiresAt ?? []);
  const used = live.flatMap(({ keyId, usedAt }) => [usedAt ?? [], uses.get(keyId) ?? []]);
  return { endsAt: earliest(ends), usedAt: latest(used.flat()) };
}

function earliest(times: readonly number[]): number | undefined {
  return times.length === 0 ? undefined : Math.min(...times);
}

function latest(times: readonly number[]): number | undefined {
  return times.length === 0 ? undefined : Math.max(...times);
}
