import { randomUUID } from 'node:crypto';
import {
  OVERLAP_MS,
  withPendingIssuance,
  type SecretsDocument,
  type SealedSecret,
} from '../secrets-document.js';

const MAX_HISTORY = 64;
/** A merge drops pending issuances of ours that ended this long ago: they were recovered since. */
const PENDING_KEPT_MS = 2 * 3_600_000;

/** Gives the document an id of its own and the history of its parents. */
export function newVersion(
  document: SecretsDocument,
  ...parents: readonly SecretsDocument[]
): SecretsDocument {
  const ids = parents.flatMap(({ id, history }) => [id, ...history]);
  const known = [...new Set(ids.filter((id) => id !== ''))];
  return { ...document, id: randomUUID(), history: known.slice(0, MAX_HISTORY) };
}

/** True if `document` is `other`, or has it in its history. */
export function descendsFrom(
  { id, history }: SecretsDocument,
  other: SecretsDocument,
): boolean {
  return other.id === '' || other.id === id || history.includes(other.id);
}

/**
 * Merges two versions of which neither descends from the other: the store lost a version, and
 * another replica wrote it anew.
 *
 * The result has all secrets of both except revoked ones. If the versions disagree on the newest
 * secret of a webhook, the result has a pending issuance for it: `IssuanceRecovery` rotates the
 * webhook, and until then no delivery is refused.
 */
export function merge(
  stored: SecretsDocument,
  ours: SecretsDocument,
  now: number,
): SecretsDocument {
  const revoked = { ...ours.revoked, ...stored.revoked };
  const ids = new Set([...Object.keys(ours.webhooks), ...Object.keys(stored.webhooks)]);
  const webhooks: SecretsDocument['webhooks'] = {};
  let merged: SecretsDocument = {
    ...stored,
    revoked,
    lostUntil: Math.max(stored.lostUntil, ours.lostUntil),
    creations: { ...ours.creations, ...stored.creations },
    unsettled: [...stored.unsettled, ...stillPending(ours, stored, now)],
  };
  for (const id of ids) {
    const [theirs = [], known = []] = [stored, ours].map(
      ({ webhooks: { [id]: entry } }) => entry?.secrets ?? [],
    );
    const secrets = union(theirs, known).filter(({ keyId }) => !(keyId in revoked));
    webhooks[id] = { ...(stored.webhooks[id] ?? ours.webhooks[id]), secrets };
    const [newest, other] = [theirs[0]?.keyId, known[0]?.keyId];
    if (newest === undefined || other === undefined || newest === other) continue;
    const revokes = [...theirs, ...known].some(({ keyId }) => keyId in revoked);
    merged = withPendingIssuance(merged, {
      id: randomUUID(),
      webhookId: id,
      revokes,
      since: now,
      until: now,
      holder: '',
      tries: 1,
    });
  }
  return newVersion({ ...merged, webhooks }, stored, ours);
}

function stillPending(
  ours: SecretsDocument,
  stored: SecretsDocument,
  now: number,
): SecretsDocument['unsettled'] {
  return ours.unsettled.filter(
    ({ id, until }) =>
      until > now - PENDING_KEPT_MS && stored.unsettled.every((each) => each.id !== id),
  );
}

/** All secrets of both, newest first, each with the earlier of its two ends. */
function union(
  some: readonly SealedSecret[],
  others: readonly SealedSecret[],
): SealedSecret[] {
  const byKeyId = new Map<string, SealedSecret>();
  for (const secret of [...some, ...others]) {
    const known = byKeyId.get(secret.keyId);
    const ends = [known?.expiresAt, secret.expiresAt].filter((end) => end !== undefined);
    byKeyId.set(secret.keyId, {
      ...(known ?? secret),
      ...(ends.length > 0 && { expiresAt: Math.min(...ends) }),
    });
  }
  const newestFirst = [...byKeyId.values()].toSorted((a, b) => b.issuedAt - a.issuedAt);
  return newestFirst.map((secret, i) =>
    i === 0
      ? secret
      : { ...secret, expiresAt: secret.expiresAt ?? secret.issuedAt + 2 * OVERLAP_MS },
  );
}
