import { randomUUID } from 'node:crypto';
import {
  OVERLAP_MS,
  withPendingIssuance,
  type SecretsDocument,
  type SealedSecret,
} from '../secrets-document.js';

const MAX_HISTORY = 64;
/** What a version of long ago had to settle has been settled since. */
const STILL_OPEN_MS = 2 * 3_600_000;

/** A new version, which knows those that it comes from. */
export function newVersion(
  wanted: SecretsDocument,
  ...parents: readonly SecretsDocument[]
): SecretsDocument {
  const history = parents.flatMap(({ id, history: older }) => [id, ...older]);
  const known = [...new Set(history.filter((id) => id !== ''))];
  return { ...wanted, id: randomUUID(), history: known.slice(0, MAX_HISTORY) };
}

/** Whether the first is the second, or comes from it. */
export function descendsFrom(
  { id, history }: SecretsDocument,
  other: SecretsDocument,
): boolean {
  return other.id === '' || other.id === id || history.includes(other.id);
}

/**
 * Of two versions of which neither comes from the other: a store lost what was written, and was
 * written anew. Nothing is lost, and nothing that was revoked comes back; which secret of a
 * webhook is the newest has to be found out.
 */
export function merge(
  stored: SecretsDocument,
  ours: SecretsDocument,
  now: number,
): SecretsDocument {
  const revoked = { ...ours.revoked, ...stored.revoked };
  const ids = new Set([...Object.keys(ours.webhooks), ...Object.keys(stored.webhooks)]);
  const webhooks: SecretsDocument['webhooks'] = {};
  let vault: SecretsDocument = {
    ...stored,
    revoked,
    lostUntil: Math.max(stored.lostUntil, ours.lostUntil),
    creations: { ...ours.creations, ...stored.creations },
    unsettled: [
      ...stored.unsettled,
      ...ours.unsettled.filter(
        ({ id, until }) =>
          until > now - STILL_OPEN_MS && stored.unsettled.every((each) => each.id !== id),
      ),
    ],
  };
  for (const id of ids) {
    const [theirs = [], known = []] = [stored, ours].map(
      ({ webhooks: { [id]: entry } }) => entry?.secrets ?? [],
    );
    const all = united(theirs, known).filter(({ keyId }) => !(keyId in revoked));
    webhooks[id] = { ...(stored.webhooks[id] ?? ours.webhooks[id]), secrets: all };
    const [newest, other] = [theirs[0]?.keyId, known[0]?.keyId];
    if (newest === undefined || other === undefined || newest === other) continue;
    const revokes = [...theirs, ...known].some(({ keyId }) => keyId in revoked);
    vault = withPendingIssuance(vault, {
      id: randomUUID(),
      webhookId: id,
      revokes,
      since: now,
      until: now,
      holder: '',
      tries: 1,
    });
  }
  return newVersion({ ...vault, webhooks }, stored, ours);
}

/** With the earlier end of each. */
function united(
  some: readonly SealedSecret[],
  others: readonly SealedSecret[],
): SealedSecret[] {
  const all = new Map<string, SealedSecret>();
  for (const secret of [...some, ...others]) {
    const there = all.get(secret.keyId);
    const ends = [there?.expiresAt, secret.expiresAt].filter((end) => end !== undefined);
    all.set(secret.keyId, {
      ...(there ?? secret),
      ...(ends.length > 0 && { expiresAt: Math.min(...ends) }),
    });
  }
  const newestFirst = [...all.values()].toSorted((a, b) => b.issuedAt - a.issuedAt);
  return newestFirst.map((secret, i) =>
    i === 0
      ? secret
      : { ...secret, expiresAt: secret.expiresAt ?? secret.issuedAt + 2 * OVERLAP_MS },
  );
}
