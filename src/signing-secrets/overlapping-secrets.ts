import type { SealedSecret } from './secrets-document.js';

/** The older secrets of a webhook that are still valid beside its newest one. Times in Unix ms. */
export interface OverlappingSecrets {
  /** The earliest end among them. */
  readonly endsAt: number | undefined;
  /** The last time that one of them verified a delivery. */
  readonly usedAt: number | undefined;
}

/**
 * @param secrets of a webhook, newest first.
 * @param uses by key id, when this process last verified with a secret; newer than the document.
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
