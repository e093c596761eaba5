import type { GeminiWebhook, WebhookFields } from '../gemini/gemini-webhook.js';

export const ENABLED = 'enabled';
/** Gemini's own doing, when deliveries keep failing. */
export const DISABLED_BY_GEMINI = 'disabled_due_to_failed_deliveries';

/** A webhook that there shall be. */
export interface DeclaredWebhook {
  readonly name: string;
  readonly events: readonly string[];
  readonly uri: string;
}

/** How a declared webhook stands at Gemini. */
export interface WebhookStatus {
  /** Undefined when there is none. */
  readonly webhook: GeminiWebhook | undefined;
  /** Of the same name and owner, and not needed. */
  readonly spare: readonly GeminiWebhook[];
  /** What has to be set so that it is as declared; its state apart. */
  readonly changes: WebhookFields;
  /** What is not as declared, for people. */
  readonly drift: readonly string[];
}

/** The name at Gemini: by it an installation knows what is its own, and touches nothing else. */
export function markedName(
  { name }: Pick<DeclaredWebhook, 'name'>,
  owner: string,
): string {
  return `${name} [gemini-kafka-bridge/${owner}]`;
}

/** @param isHeld whether the vault has the secret that a webhook is signed with. */
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
    ...(isSame(webhook.subscribedEvents, declared.events)
      ? {}
      : { subscribedEvents: declared.events }),
  };
  const drift = [
    ...(changes.uri === undefined ? [] : [`delivers to ${webhook.uri}`]),
    ...(changes.subscribedEvents ? [`has ${webhook.subscribedEvents.join(', ')}`] : []),
    ...(webhook.state === ENABLED ? [] : [`is ${webhook.state}`]),
    ...(isHeld(webhook) ? [] : ['is signed with a secret that the vault does not have']),
    ...(spare.length === 0 ? [] : [`is there ${own.length} times`]),
  ];
  return { webhook, spare, changes, drift };
}

/** Whose webhook it is that delivers to the same place, if there is one. */
export function placeTaken(
  { uri }: DeclaredWebhook,
  all: readonly GeminiWebhook[],
): GeminiWebhook | undefined {
  return all.find((each) => each.uri === uri);
}

function absence(declared: DeclaredWebhook, all: readonly GeminiWebhook[]): string {
  const other = placeTaken(declared, all);
  return other
    ? `is not there, and webhook ${other.id} (${other.name}) delivers to the same place: delete it, or give one of them another url`
    : 'is not there';
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((event) => others.includes(event));
}
