import { z } from 'zod';

/** How long Gemini keeps an old secret alive after a rotation. */
export const OVERLAP_MS = 24 * 3_600_000;

/** What was signed, or sent, before the end of something may come so much later. */
export const LATE_MS = 10 * 60_000;
/** A webhook that is gone may be so by mistake: the key of another project. */
const GONE_KEPT_MS = 7 * 24 * 3_600_000;
/** What Gemini has created is in its list after this. */
export const CREATION_SHOWS_MS = 10 * 60_000;
const USE_GRAIN_MS = 60_000;

const ms = z.number().int();

const secret = z.object({
  /** First eight hex digits of the SHA-256 of its bytes. */
  keyId: z.string(),
  /** Compact JWE. */
  sealed: z.string(),
  issuedAt: ms,
  /** When Gemini stops signing with it; without it nobody knows of an end. */
  expiresAt: ms.optional(),
  /** When a delivery was last verified with it, to the minute. */
  usedAt: ms.optional(),
});

const webhook = z.object({
  /** Newest first. */
  secrets: z.array(secret),
  /** Since when Gemini says that there is no such webhook, or it was deleted. */
  goneAt: ms.optional(),
});

const unsettled = z.object({
  id: z.string(),
  /** Undefined for a webhook that is being created. */
  webhookId: z.string().optional(),
  /** Of the webhook that is being created: how it is found again. */
  name: z.string().optional(),
  uri: z.string().optional(),
  /** Whether the secrets that were live before are revoked by it at once. */
  revokes: z.boolean(),
  since: ms,
  /** Whoever is at it; nobody's when empty. */
  holder: z.string(),
  /** How often it could not be settled, and may have left a secret that nobody has. */
  tries: ms,
  /** It stands for others of which nobody knows whether they were done. */
  settlesOthers: z.boolean().optional(),
  /** Webhooks that there were before one is created. */
  before: z.array(z.string()).optional(),
  /** Who is at it has to be done by then; after it somebody else settles it. */
  until: ms,
});

const sight = z.object({
  name: z.string(),
  state: z.string(),
  /** What is not as it was declared; empty for what is. */
  drift: z.array(z.string()),
  /** Whether the vault has the secret that it is signed with. */
  isHeld: z.boolean(),
});

const attempts = z.object({
  count: ms,
  at: ms,
  /** Since when there was no need for another. */
  wellSince: ms.optional(),
});

const schema = z.object({
  /** Of this version; '' before the first. */
  id: z.string(),
  /** The versions before it, newest first: so it is found out when a store has lost some. */
  history: z.array(z.string()),
  /** By Gemini's id. */
  webhooks: z.record(z.string(), webhook),
  /** Secrets that Gemini may have issued, and that nobody has sealed yet. */
  unsettled: z.array(unsettled),
  /** Who compares with Gemini, until when. */
  round: z.object({ holder: z.string(), until: ms }).optional(),
  /** What was seen by the last round, by Gemini's id. */
  seen: z.object({ at: ms, webhooks: z.record(z.string(), sight) }).optional(),
  /** Secrets that were revoked, by key id, and when: they must not come back. */
  revoked: z.record(z.string(), ms),
  /** Until when Gemini may sign with secrets that nobody has, and nobody can have. */
  lostUntil: ms,
  /** By Gemini's id, how often it was enabled again after Gemini had disabled it. */
  revivals: z.record(z.string(), attempts),
  /** By Gemini's id, how often a secret was asked for anew because another one had been issued. */
  relearnings: z.record(z.string(), attempts),
  /** By uri, how often a webhook was created there. */
  creationTries: z.record(z.string(), attempts),
  /** Who was created at which uri: Gemini's list may not have it. */
  creations: z.record(z.string(), z.object({ webhookId: z.string() })),
  /** Gemini has to be asked about jobs that a webhook may not have told of. */
  lookDue: z.boolean(),
});

export type SealedSecret = z.output<typeof secret>;
export type PendingIssuance = z.output<typeof unsettled>;
export type WebhookObservation = z.output<typeof sight>;
export type TryCount = z.output<typeof attempts>;
export type SecretsDocument = z.output<typeof schema>;

export const EMPTY: SecretsDocument = {
  id: '',
  history: [],
  webhooks: {},
  unsettled: [],
  revivals: {},
  revoked: {},
  lostUntil: 0,
  relearnings: {},
  creationTries: {},
  creations: {},
  lookDue: false,
};

/** @throws {Error} for what is none. */
export function parseSecretsDocument(text: string): SecretsDocument {
  return schema.parse(JSON.parse(text));
}

/*
 * Each of these can be done twice: a write without an answer may have been done.
 */

/** Another secret of a webhook: the ones before it live for as long as Gemini says. */
export function withSecret(
  vault: SecretsDocument,
  webhookId: string,
  added: SealedSecret,
  revokes: boolean,
): SecretsDocument {
  const before = vault.webhooks[webhookId]?.secrets ?? [];
  if (before.some(({ keyId }) => keyId === added.keyId)) return vault;
  const expiresAt = added.issuedAt + OVERLAP_MS;
  const old = before.map((each) => ({
    ...each,
    expiresAt: Math.min(each.expiresAt ?? Infinity, expiresAt),
  }));
  const secrets = [added, ...(revokes ? [] : old)];
  const ended = revokes
    ? Object.fromEntries(before.map(({ keyId }) => [keyId, added.issuedAt]))
    : {};
  return {
    ...vault,
    revoked: { ...vault.revoked, ...ended },
    webhooks: { ...vault.webhooks, [webhookId]: { secrets } },
  };
}

/** The webhook is gone, as it seems: its secrets are kept for when it is not. */
export function withGone(vault: SecretsDocument, webhookId: string, goneAt: number) {
  const entry = vault.webhooks[webhookId];
  if (!entry || entry.goneAt !== undefined) return vault;
  return {
    ...vault,
    webhooks: { ...vault.webhooks, [webhookId]: { ...entry, goneAt } },
  };
}

/** These webhooks are there. */
export function withThere(
  vault: SecretsDocument,
  ids: ReadonlySet<string>,
): SecretsDocument {
  const entries = Object.entries(vault.webhooks);
  const isBack = ([id, { goneAt }]: (typeof entries)[number]): boolean =>
    goneAt !== undefined && ids.has(id);
  if (!entries.some(isBack)) return vault;
  const webhooks = entries.map((entry) =>
    isBack(entry) ? ([entry[0], { secrets: entry[1].secrets }] as const) : entry,
  );
  return { ...vault, webhooks: Object.fromEntries(webhooks) };
}

/** Nothing of it is left: the webhook's secrets, and what is to be settled of it. @param id of a webhook, or of what is to be settled. */
export function without(vault: SecretsDocument, id: string): SecretsDocument {
  const { [id]: _, ...webhooks } = vault.webhooks;
  const unsettledStill = vault.unsettled.filter(
    (each) => each.webhookId !== id && each.id !== id,
  );
  return { ...vault, webhooks, unsettled: unsettledStill };
}

/** With the times at which secrets were used, where what is known of that is a minute older. */
export function withUses(
  vault: SecretsDocument,
  uses: ReadonlyMap<string, number>,
): SecretsDocument {
  const isNews = ({ keyId, usedAt = 0 }: SealedSecret): boolean =>
    (uses.get(keyId) ?? 0) - usedAt >= USE_GRAIN_MS;
  const entries = Object.entries(vault.webhooks);
  if (!entries.some(([, { secrets }]) => secrets.some(isNews))) return vault;
  const webhooks = entries.map(([id, entry]) => {
    const noted = entry.secrets.map((each) =>
      isNews(each) ? { ...each, usedAt: uses.get(each.keyId) } : each,
    );
    return [id, { ...entry, secrets: noted }] as const;
  });
  return { ...vault, webhooks: Object.fromEntries(webhooks) };
}

/** Without what is of no interest any more. */
export function swept(vault: SecretsDocument, now: number): SecretsDocument {
  const webhooks = Object.entries(vault.webhooks)
    .map(([id, entry]) => {
      const isWanted = ({ expiresAt = Infinity }: SealedSecret): boolean =>
        expiresAt + LATE_MS > now && (entry.goneAt ?? now) + GONE_KEPT_MS > now;
      return [id, { ...entry, secrets: entry.secrets.filter(isWanted) }] as const;
    })
    .filter(([, { secrets }]) => secrets.length > 0);
  const kept = Object.fromEntries(webhooks);
  const creations = Object.entries(vault.creations).filter(
    ([, { webhookId }]) => webhookId in kept,
  );
  const revoked = Object.entries(vault.revoked).filter(
    ([, at]) => at > now - 2 * OVERLAP_MS,
  );
  return {
    ...vault,
    webhooks: kept,
    creations: Object.fromEntries(creations),
    revoked: Object.fromEntries(revoked),
  };
}

export function withPendingIssuance(
  vault: SecretsDocument,
  added: PendingIssuance,
): SecretsDocument {
  const others = vault.unsettled.filter(({ id }) => id !== added.id);
  return { ...vault, unsettled: [...others, added] };
}

export function withoutPendingIssuance(
  vault: SecretsDocument,
  id: string,
): SecretsDocument {
  return { ...vault, unsettled: vault.unsettled.filter((each) => each.id !== id) };
}
