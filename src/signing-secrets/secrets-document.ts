import { z } from 'zod';
import { NEVER_RECONCILED, RECONCILE_MEMBERS } from './reconcile-state.js';

/** How long Gemini signs with an old secret after a rotation. */
export const OVERLAP_MS = 24 * 3_600_000;

/** How much later than the end of a secret or webhook a delivery of it may arrive. */
export const LATE_MS = 10 * 60_000;
/** How long the secrets of a missing webhook are kept. The API key of another project hides it too. */
const GONE_KEPT_MS = 7 * 24 * 3_600_000;
/** Gemini's list shows a new webhook after this time at the latest. */
export const CREATION_SHOWS_MS = 10 * 60_000;
/** A later use of a secret is stored only if it is this much newer. */
const USE_GRAIN_MS = 60_000;

/** Unix ms, or a count. */
const integer = z.number().int();

const secret = z.object({
  /** First eight hex digits of the SHA-256 of its bytes. */
  keyId: z.string(),
  /** Compact JWE. */
  sealed: z.string(),
  issuedAt: integer,
  /** When Gemini stops signing with it. Absent while no end is known. */
  expiresAt: integer.optional(),
  /** When a delivery was last verified with it, to the minute. */
  usedAt: integer.optional(),
});

const webhook = z.object({
  /** Newest first. */
  secrets: z.array(secret),
  /** When Gemini first said that it does not know the webhook, or when it was deleted. */
  goneAt: integer.optional(),
});

const pendingIssuance = z.object({
  id: z.string(),
  /** Absent for a webhook that is being created. */
  webhookId: z.string().optional(),
  /** Name and URI of the webhook that is being created. Recovery finds it by them. */
  name: z.string().optional(),
  uri: z.string().optional(),
  /** True if the issuance revokes the secrets before it at once. */
  revokes: z.boolean(),
  since: integer,
  /** The holder of the lease; empty for none. */
  holder: z.string(),
  /** Failed attempts. Each may have made Gemini issue a secret that is not stored. */
  tries: integer,
  /** True if it replaces pending issuances of unknown outcome. */
  settlesOthers: z.boolean().optional(),
  /** Ids of the webhooks that existed before the creation. */
  before: z.array(z.string()).optional(),
  /** End of the lease, or of the pause before the next attempt. Recovery takes over after it. */
  until: integer,
});

const schema = z.object({
  /** Id of this version; '' before the first. */
  id: z.string(),
  /** Ids of the versions before it, newest first. They show whether a store lost a version. */
  history: z.array(z.string()),
  /** By Gemini's id. */
  webhooks: z.record(z.string(), webhook),
  /** Pending issuances: Gemini may have issued these secrets, and they are not stored yet. */
  unsettled: z.array(pendingIssuance),
  /** When a secret was revoked, by key id. A merge must not bring these back. */
  revoked: z.record(z.string(), integer),
  /** Until then Gemini may sign with secrets that were issued and lost. */
  lostUntil: integer,
  /** The webhook that was created last, by URI. Gemini's list may not show it yet. */
  creations: z.record(z.string(), z.object({ webhookId: z.string() })),
  ...RECONCILE_MEMBERS,
});

export type SealedSecret = z.output<typeof secret>;
export type PendingIssuance = z.output<typeof pendingIssuance>;
/** The stored document: sealed secrets and pending issuances. It also carries the reconciler's state. */
export type SecretsDocument = z.output<typeof schema>;

export const EMPTY: SecretsDocument = {
  id: '',
  history: [],
  webhooks: {},
  unsettled: [],
  revoked: {},
  lostUntil: 0,
  creations: {},
  ...NEVER_RECONCILED,
};

/** @throws {Error} for text that is not a secrets document. */
export function parseSecretsDocument(text: string): SecretsDocument {
  return schema.parse(JSON.parse(text));
}

/*
 * All edits below are idempotent: a write that was not answered may have been done and is repeated.
 */

/** Adds a secret as the newest. The ones before it expire after `OVERLAP_MS`, or are revoked now. */
export function withSecret(
  document: SecretsDocument,
  webhookId: string,
  added: SealedSecret,
  revokes: boolean,
): SecretsDocument {
  const before = document.webhooks[webhookId]?.secrets ?? [];
  if (before.some(({ keyId }) => keyId === added.keyId)) return document;
  const expiresAt = added.issuedAt + OVERLAP_MS;
  const old = before.map((each) => ({
    ...each,
    expiresAt: Math.min(each.expiresAt ?? Infinity, expiresAt),
  }));
  const secrets = [added, ...(revokes ? [] : old)];
  const revoked = revokes
    ? Object.fromEntries(before.map(({ keyId }) => [keyId, added.issuedAt]))
    : {};
  return {
    ...document,
    revoked: { ...document.revoked, ...revoked },
    webhooks: { ...document.webhooks, [webhookId]: { secrets } },
  };
}

/** Marks a webhook as gone. Its secrets are kept for `GONE_KEPT_MS`, because it may come back. */
export function withWebhookGone(
  document: SecretsDocument,
  webhookId: string,
  goneAt: number,
): SecretsDocument {
  const entry = document.webhooks[webhookId];
  if (!entry || entry.goneAt !== undefined) return document;
  return {
    ...document,
    webhooks: { ...document.webhooks, [webhookId]: { ...entry, goneAt } },
  };
}

/** Removes the mark `goneAt` from these webhooks. */
export function withWebhooksPresent(
  document: SecretsDocument,
  ids: ReadonlySet<string>,
): SecretsDocument {
  const entries = Object.entries(document.webhooks);
  const isBack = ([id, { goneAt }]: (typeof entries)[number]): boolean =>
    goneAt !== undefined && ids.has(id);
  if (!entries.some(isBack)) return document;
  const webhooks = entries.map((entry) =>
    isBack(entry) ? ([entry[0], { secrets: entry[1].secrets }] as const) : entry,
  );
  return { ...document, webhooks: Object.fromEntries(webhooks) };
}

/**
 * Removes the secrets and the pending issuances of a webhook.
 *
 * @param id of a webhook, or of one pending issuance.
 */
export function withoutEntry(document: SecretsDocument, id: string): SecretsDocument {
  const { [id]: _, ...webhooks } = document.webhooks;
  const unsettled = document.unsettled.filter(
    (each) => each.webhookId !== id && each.id !== id,
  );
  return { ...document, webhooks, unsettled };
}

/** Stores when secrets were used last, by key id, if that is at least a minute newer than stored. */
export function withUses(
  document: SecretsDocument,
  uses: ReadonlyMap<string, number>,
): SecretsDocument {
  const isNewer = ({ keyId, usedAt = 0 }: SealedSecret): boolean =>
    (uses.get(keyId) ?? 0) - usedAt >= USE_GRAIN_MS;
  const entries = Object.entries(document.webhooks);
  if (!entries.some(([, { secrets }]) => secrets.some(isNewer))) return document;
  const webhooks = entries.map(([id, entry]) => {
    const secrets = entry.secrets.map((each) =>
      isNewer(each) ? { ...each, usedAt: uses.get(each.keyId) } : each,
    );
    return [id, { ...entry, secrets }] as const;
  });
  return { ...document, webhooks: Object.fromEntries(webhooks) };
}

/** Replaces a sealed text of the webhook by another one of the same secret. */
export function withResealed(
  document: SecretsDocument,
  webhookId: string,
  before: string,
  after: string,
): SecretsDocument {
  const entry = document.webhooks[webhookId];
  if (!entry) return document;
  const secrets = entry.secrets.map((each) =>
    each.sealed === before ? { ...each, sealed: after } : each,
  );
  return {
    ...document,
    webhooks: { ...document.webhooks, [webhookId]: { ...entry, secrets } },
  };
}

/** Removes expired secrets, webhooks that are gone for long, and what refers to them. */
export function withoutExpired(document: SecretsDocument, now: number): SecretsDocument {
  const webhooks = Object.entries(document.webhooks)
    .map(([id, entry]) => {
      const isNeeded = ({ expiresAt = Infinity }: SealedSecret): boolean =>
        expiresAt + LATE_MS > now && (entry.goneAt ?? now) + GONE_KEPT_MS > now;
      return [id, { ...entry, secrets: entry.secrets.filter(isNeeded) }] as const;
    })
    .filter(([, { secrets }]) => secrets.length > 0);
  const kept = Object.fromEntries(webhooks);
  const creations = Object.entries(document.creations).filter(
    ([, { webhookId }]) => webhookId in kept,
  );
  const revoked = Object.entries(document.revoked).filter(
    ([, at]) => at > now - 2 * OVERLAP_MS,
  );
  return {
    ...document,
    webhooks: kept,
    creations: Object.fromEntries(creations),
    revoked: Object.fromEntries(revoked),
  };
}

/** Adds a pending issuance, or replaces the one with the same id. */
export function withPendingIssuance(
  document: SecretsDocument,
  added: PendingIssuance,
): SecretsDocument {
  const others = document.unsettled.filter(({ id }) => id !== added.id);
  return { ...document, unsettled: [...others, added] };
}

export function withoutPendingIssuance(
  document: SecretsDocument,
  id: string,
): SecretsDocument {
  return { ...document, unsettled: document.unsettled.filter((each) => each.id !== id) };
}
