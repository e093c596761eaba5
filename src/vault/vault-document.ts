import { z } from 'zod';

/** How long Gemini keeps an old secret alive after a rotation. */
export const OVERLAP_MS = 24 * 3_600_000;

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
  /** How often it could not be settled. */
  tries: ms,
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
});

const attempts = z.object({
  count: ms,
  at: ms,
  /** Since when there was no need for another. */
  wellSince: ms.optional(),
});

const schema = z.object({
  /** Counts the changes: a store that has lost some of them is found out. */
  serial: ms,
  /** By Gemini's id. */
  webhooks: z.record(z.string(), webhook),
  /** Secrets that Gemini may have issued, and that nobody has sealed yet. */
  unsettled: z.array(unsettled),
  /** Who compares with Gemini, until when. */
  round: z.object({ holder: z.string(), until: ms }).optional(),
  /** What was seen by the last round, by Gemini's id. */
  seen: z.object({ at: ms, webhooks: z.record(z.string(), sight) }).optional(),
  /** By Gemini's id, how often it was enabled again after Gemini had disabled it. */
  revivals: z.record(z.string(), attempts),
  /** By Gemini's id, how often a secret was asked for anew because another one had been issued. */
  relearnings: z.record(z.string(), attempts),
  /** Who was created at which uri: Gemini's list may not have it. */
  creations: z.record(z.string(), z.object({ webhookId: z.string() })),
  /** Gemini has to be asked about jobs that a webhook may not have told of. */
  lookDue: z.boolean(),
});

export type VaultedSecret = z.output<typeof secret>;
export type Unsettled = z.output<typeof unsettled>;
export type Sight = z.output<typeof sight>;
export type Attempts = z.output<typeof attempts>;
export type VaultDocument = z.output<typeof schema>;

export const EMPTY: VaultDocument = {
  serial: 0,
  webhooks: {},
  unsettled: [],
  revivals: {},
  relearnings: {},
  creations: {},
  lookDue: false,
};

/** @throws {Error} for what is none. */
export function parseVault(text: string): VaultDocument {
  return schema.parse(JSON.parse(text));
}

/*
 * Each of these can be done twice: a write without an answer may have been done.
 */

/** Another secret of a webhook: the ones before it live for as long as Gemini says. */
export function withSecret(
  vault: VaultDocument,
  webhookId: string,
  added: VaultedSecret,
  revokes: boolean,
): VaultDocument {
  const before = vault.webhooks[webhookId]?.secrets ?? [];
  if (before.some(({ keyId }) => keyId === added.keyId)) return vault;
  const expiresAt = added.issuedAt + OVERLAP_MS;
  const old = before.map((each) => ({
    ...each,
    expiresAt: Math.min(each.expiresAt ?? Infinity, expiresAt),
  }));
  const secrets = [added, ...(revokes ? [] : old)];
  return { ...vault, webhooks: { ...vault.webhooks, [webhookId]: { secrets } } };
}

/** The secrets of a webhook that is gone verify for a little longer what is still on its way. */
export function withoutWebhook(
  vault: VaultDocument,
  webhookId: string,
  until: number,
): VaultDocument {
  const { [webhookId]: entry, ...others } = vault.webhooks;
  const unsettledStill = vault.unsettled.filter((each) => each.webhookId !== webhookId);
  const rest = { ...vault, unsettled: unsettledStill };
  if (!entry) return unsettledStill.length === vault.unsettled.length ? vault : rest;
  const secrets = entry.secrets.map((each) => ({
    ...each,
    expiresAt: Math.min(each.expiresAt ?? Infinity, until),
  }));
  return { ...rest, webhooks: { ...others, [webhookId]: { secrets } } };
}

/** With the times at which secrets were used, where what is known of that is a minute older. */
export function withUses(
  vault: VaultDocument,
  uses: ReadonlyMap<string, number>,
): VaultDocument {
  const isNews = ({ keyId, usedAt = 0 }: VaultedSecret): boolean =>
    (uses.get(keyId) ?? 0) - usedAt >= USE_GRAIN_MS;
  const entries = Object.entries(vault.webhooks);
  if (!entries.some(([, { secrets }]) => secrets.some(isNews))) return vault;
  const webhooks = entries.map(([id, { secrets }]) => {
    const noted = secrets.map((each) =>
      isNews(each) ? { ...each, usedAt: uses.get(each.keyId) } : each,
    );
    return [id, { secrets: noted }] as const;
  });
  return { ...vault, webhooks: Object.fromEntries(webhooks) };
}

/** Without what no delivery can be verified by any more, and what is of no interest any more. */
export function swept(vault: VaultDocument, now: number): VaultDocument {
  const live = withoutDead(vault, now);
  const creations = Object.entries(live.creations).filter(
    ([, { webhookId }]) => webhookId in live.webhooks,
  );
  return { ...live, creations: Object.fromEntries(creations) };
}

function withoutDead(vault: VaultDocument, now: number): VaultDocument {
  const entries = Object.entries(vault.webhooks);
  const isLive = ({ expiresAt = Infinity }: VaultedSecret): boolean => expiresAt > now;
  if (entries.every(([, { secrets }]) => secrets.every(isLive))) return vault;
  const live = entries.map(
    ([id, { secrets }]) => [id, { secrets: secrets.filter(isLive) }] as const,
  );
  const webhooks = live.filter(([, { secrets }]) => secrets.length > 0);
  return { ...vault, webhooks: Object.fromEntries(webhooks) };
}

export function withUnsettled(vault: VaultDocument, added: Unsettled): VaultDocument {
  const others = vault.unsettled.filter(({ id }) => id !== added.id);
  return { ...vault, unsettled: [...others, added] };
}

export function withoutUnsettled(vault: VaultDocument, id: string): VaultDocument {
  return { ...vault, unsettled: vault.unsettled.filter((each) => each.id !== id) };
}
