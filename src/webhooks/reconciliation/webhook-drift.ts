import type { GeminiWebhook, WebhookFields } from '../gemini/gemini-webhook.js';

export const ENABLED = 'enabled';
/** The state that Gemini sets when deliveries keep failing. */
export const DISABLED_BY_GEMINI = 'disabled_due_to_failed_deliveries';

/** A webhook of the setting `WEBHOOKS`. */
export interface DeclaredWebhook {
  readonly name: string;
  readonly events: readonly string[];
  readonly uri: string;
}

/** A declared webhook compared with Gemini. */
export interface WebhookStatus {
  /** Undefined if Gemini has none. */
  readonly webhook: GeminiWebhook | undefined;
  /** Further webhooks of the same name and owner. */
  readonly spare: readonly GeminiWebhook[];
  /** Fields to set, so that the webhook is as declared; without `state`. */
  readonly changes: WebhookFields;
  /** The differences from the declaration, as texts for operators. */
  readonly drift: readonly string[];
}

/** The webhook's name at Gemini. An installation changes only webhooks with its owner in the name. */
export function markedName(
  { name }: Pick<DeclaredWebhook, 'name'>,
  owner: string,
): string {
  return `${name} [gemini-kafka-bridge/${owner}]`;
}

/**
 * Compares a declared webhook with Gemini's list.
 *
 * @param all all webhooks of the project.
 * @param isHeld true if the secret that Gemini signs with is stored here.
 */
export function webhookStatus(
  declared: DeclaredWebhook,
  all: readonly GeminiWebhook[],
  owner: string,
  isHeld: (webhook: GeminiWebhook) => boolean,
): WebhookStatus {
  const own = all.filter(({ name }) => name === markedName(declared, owner));
  const webhook = own.find(isHeld) ?? own[0];
  const spare = own.filter((each) => each !== webhook);
  if (!webhook) return { webhook, spare, changes: {}, drift: [absence(declared, all)] };
  const changes: WebhookFields = {
    ...(webhook.uri === declared.uri ? {} : { uri: declared.uri }),
    ...(isSameSet(webhook.subscribedEvents, declared.events)
      ? {}
      : { subscribedEvents: declared.events }),
  };
  // The runbooks and the CLI show these texts
  const drift = [
    ...(changes.uri === undefined ? [] : [`delivers to ${webhook.uri}`]),
    ...(changes.subscribedEvents ? [`has ${webhook.subscribedEvents.join(', ')}`] : []),
    ...(webhook.state === ENABLED ? [] : [`is ${webhook.state}`]),
    ...(isHeld(webhook) ? [] : ['is signed with a secret that the vault does not have']),
    ...(spare.length === 0 ? [] : [`is there ${own.length} times`]),
  ];
  return { webhook, spare, changes, drift };
}

/** The webhook that delivers to the same URI, whatever its owner; undefined if there is none. */
export function webhookAtSameUri(
  { uri }: DeclaredWebhook,
  all: readonly GeminiWebhook[],
): GeminiWebhook | undefined {
  return all.find((each) => each.uri === uri);
}

function absence(declared: DeclaredWebhook, all: readonly GeminiWebhook[]): string {
  const other = webhookAtSameUri(declared, all);
  return other
    ? `is not there, and webhook ${other.id} (${other.name}) delivers to the same place: delete it, or give one of them another url`
    : 'is not there';
}

function isSameSet(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((event) => others.includes(event));
}
