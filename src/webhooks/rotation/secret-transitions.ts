import { ProblemException } from '../../internal-api/problems/problem.exception.js';
import {
  LATE_MS,
  OVERLAP_MS,
  withoutPendingIssuance,
  withPendingIssuance,
  withSecret,
  type PendingIssuance,
  type SealedSecret,
  type SecretsDocument,
} from '../../signing-secrets/secrets-document.js';
import type { GeminiWebhook } from '../gemini/gemini-webhook.js';

/*
 * Edits of the secrets document while a secret is issued. All are pure and idempotent: a write that
 * was not answered may have been done and is repeated.
 */

/** The stored entry; undefined if another replica took it over. */
export function ownEntry(
  document: SecretsDocument,
  { id, holder }: PendingIssuance,
): PendingIssuance | undefined {
  const stored = document.unsettled.find((each) => each.id === id);
  return stored?.holder === holder ? stored : undefined;
}

/**
 * Adds the entry of a creation.
 *
 * @param missing the webhook that was created at this URI before, and does not exist any more.
 * @throws {ProblemException} 409 if a webhook at this URI exists or is being created.
 */
export function withCreationEntry(
  document: SecretsDocument,
  entry: PendingIssuance,
  missing: string | undefined,
): SecretsDocument {
  const { uri = '' } = entry;
  const created = document.creations[uri]?.webhookId;
  if (created !== undefined && created !== missing) throw webhookExists(created);
  const others = document.unsettled.filter(({ id }) => id !== entry.id);
  if (others.some((each) => each.uri === uri)) throw webhookBusy();
  return withPendingIssuance(document, entry);
}

/**
 * Adds the entry of a rotation. With `force` it replaces entries that wait for recovery.
 *
 * @param now Unix ms.
 * @throws {ProblemException} 409 while another secret of the webhook is being issued.
 */
export function withRotationEntry(
  document: SecretsDocument,
  entry: PendingIssuance,
  webhook: Pick<GeminiWebhook, 'id' | 'uri' | 'name'>,
  force: boolean,
  now: number,
): SecretsDocument {
  const others = document.unsettled.filter(
    (each) => each.id !== entry.id && isAbout(each, webhook),
  );
  if (others.length === 0) return withPendingIssuance(document, entry);
  const areWaiting = others.every(({ until, holder }) => holder === '' || until < now);
  if (!force || !areWaiting) throw webhookBusy();
  const rest = others.reduce(
    (left, { id }) => withoutPendingIssuance(left, id),
    document,
  );
  const revokes = entry.revokes || others.some((other) => other.revokes);
  return withPendingIssuance(rest, { ...entry, revokes, tries: 1, settlesOthers: true });
}

/**
 * Assigns the webhook to the entry of its creation. Removes the entry if the webhook has secrets or
 * another entry: then a rotation already provides its secret.
 */
export function withWebhookClaimed(
  document: SecretsDocument,
  entry: PendingIssuance,
  webhookId: string,
): SecretsDocument {
  const own = ownEntry(document, entry);
  if (!own || own.webhookId === webhookId) return document;
  const isProvided =
    webhookId in document.webhooks ||
    document.unsettled.some((each) => each.webhookId === webhookId);
  return isProvided
    ? withoutPendingIssuance(document, entry.id)
    : withPendingIssuance(document, { ...own, webhookId });
}

/**
 * Adds the issued secret and removes its entry.
 *
 * If another replica took the entry over, the order of the two secrets is unknown. Then the
 * secret is dropped and a new entry is added: `IssuanceRecovery` rotates once more, and until then
 * no delivery is refused.
 *
 * @param now Unix ms.
 */
export function withIssuedSecret(
  document: SecretsDocument,
  entry: PendingIssuance,
  webhookId: string,
  added: SealedSecret,
  now: number,
): SecretsDocument {
  const { secrets = [] } = document.webhooks[webhookId] ?? {};
  if (secrets.some(({ keyId }) => keyId === added.keyId)) return document;
  const { revokes, tries } = entry;
  if (!ownEntry(document, entry)) {
    const id = `${entry.id} again`;
    const again = {
      id,
      webhookId,
      revokes,
      since: now,
      until: now,
      holder: '',
      tries: 0,
    };
    return withPendingIssuance(document, again);
  }
  const lostForMs = revokes ? LATE_MS : OVERLAP_MS + LATE_MS;
  const issued = withoutPendingIssuance(
    {
      ...withSecret(document, webhookId, added, revokes),
      // Gemini signs with a lost secret for as long as with any old secret
      ...(tries > 0 && {
        lostUntil: Math.max(document.lostUntil, added.issuedAt + lostForMs),
      }),
    },
    entry.id,
  );
  if (entry.uri === undefined) return issued;
  return { ...issued, creations: { ...document.creations, [entry.uri]: { webhookId } } };
}

export function webhookExists(id: string): ProblemException {
  const detail = `webhook ${id} exists at this uri; Gemini's list does not show it yet`;
  return new ProblemException(409, 'webhook-exists', detail, {}, { id });
}

function webhookBusy(): ProblemException {
  const detail =
    'another secret of this webhook is being issued, or its issuance is being recovered';
  return new ProblemException(409, 'webhook-busy', detail, { 'Retry-After': '10' });
}

/** True for entries of the webhook, and for the entry of its creation, which has no id yet. */
function isAbout(
  entry: PendingIssuance,
  { id, uri, name }: Pick<GeminiWebhook, 'id' | 'uri' | 'name'>,
): boolean {
  const { webhookId } = entry;
  return webhookId === undefined
    ? entry.uri === uri && entry.name === name
    : webhookId === id;
}
