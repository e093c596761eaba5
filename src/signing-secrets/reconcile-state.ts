import { z } from 'zod';

/*
 * State of the webhook reconciler. It is stored in the secrets document, because old and new
 * replicas share that document during a rollout. It says nothing about secrets.
 */

/** Unix ms, or a count. */
const integer = z.number().int();

const observation = z.object({
  name: z.string(),
  state: z.string(),
  /** Differences from the declaration; empty for none. */
  drift: z.array(z.string()),
  /** True if the newest secret of the webhook is stored here. */
  isHeld: z.boolean(),
});

const tryCount = z.object({
  count: integer,
  at: integer,
  /** Start of the current healthy period, Unix ms. */
  wellSince: integer.optional(),
});

/** The reconciler's members of the secrets document. */
export const RECONCILE_MEMBERS = {
  /** The replica that reconciles now, and the end of its lease. */
  round: z.object({ holder: z.string(), until: integer }).optional(),
  /** Result of the last reconciliation, by Gemini's id. */
  seen: z.object({ at: integer, webhooks: z.record(z.string(), observation) }).optional(),
  /** How often a webhook was enabled again after Gemini had disabled it, by Gemini's id. */
  revivals: z.record(z.string(), tryCount),
  /** How often a secret was reissued because another party had rotated it, by Gemini's id. */
  relearnings: z.record(z.string(), tryCount),
  /** How often a creation was tried, by URI. */
  creationTries: z.record(z.string(), tryCount),
  /** True if Gemini has to be polled about jobs whose events a disabled webhook may have missed. */
  lookDue: z.boolean(),
};

const state = z.object(RECONCILE_MEMBERS);

export type ReconcileState = z.output<typeof state>;
export type WebhookObservation = z.output<typeof observation>;
export type TryCount = z.output<typeof tryCount>;
/** Members that count the tries of a repair, by the webhook's id or URI. */
export type TryCounter = 'revivals' | 'relearnings' | 'creationTries';
/** Observations of a reconciliation, by Gemini's id; by name for a webhook that is missing. */
export type Observations = Readonly<Record<string, WebhookObservation>>;

export const NEVER_RECONCILED: ReconcileState = {
  revivals: {},
  relearnings: {},
  creationTries: {},
  lookDue: false,
};

/*
 * All edits below are pure and idempotent. They keep the other members of the document.
 */

/**
 * Gives the lease to `holder`, unless another reconciliation runs or was stored after `freshSince`.
 *
 * @param lease its holder and end, Unix ms.
 * @param freshSince Unix ms; Infinity to ignore earlier observations.
 */
export function withReconcileLease<Document extends ReconcileState>(
  document: Document,
  lease: NonNullable<ReconcileState['round']>,
  now: number,
  freshSince: number,
): Document {
  const isTaken = (document.round?.until ?? 0) > now;
  const isFresh = document.seen !== undefined && document.seen.at > freshSince;
  return isTaken || isFresh ? document : { ...document, round: lease };
}

/** Ends the lease of `holder`, and stores what it observed. @param seen undefined for a failed reconciliation. */
export function withReconciliationEnded<Document extends ReconcileState>(
  document: Document,
  holder: string,
  seen: Observations | undefined,
  now: number,
): Document {
  return {
    ...document,
    round: document.round?.holder === holder ? undefined : document.round,
    ...(seen && { seen: { at: now, webhooks: { ...seen } } }),
  };
}

/** @param tries undefined to forget them. @param id of the webhook, or its URI. */
export function withTries<Document extends ReconcileState>(
  document: Document,
  counter: TryCounter,
  id: string,
  tries: TryCount | undefined,
): Document {
  const { [id]: _, ...others } = document[counter];
  return { ...document, [counter]: tries ? { ...others, [id]: tries } : others };
}

export function withJobPollDue<Document extends ReconcileState>(
  document: Document,
  lookDue: boolean,
): Document {
  return { ...document, lookDue };
}

/** True if each observed webhook is signed with a stored secret; false before the first reconciliation. */
export function areSecretsHeld({ seen }: ReconcileState): boolean {
  return seen !== undefined && Object.values(seen.webhooks).every(({ isHeld }) => isHeld);
}
