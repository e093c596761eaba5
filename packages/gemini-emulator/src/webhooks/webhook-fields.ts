import { invalid } from '../api-error.js';

/** The live API's own list, in the order of its error message. */
export const EVENT_TYPES = [
  'batch.succeeded',
  'batch.expired',
  'batch.failed',
  'interaction.requires_action',
  'interaction.completed',
  'interaction.failed',
  'video.generated',
];
/** In the guide, but not in the API. */
const CANCELLED_TYPES = ['batch.cancelled', 'interaction.cancelled'];

const STATES = ['enabled', 'disabled', 'disabled_due_to_failed_deliveries'] as const;
export type WebhookState = (typeof STATES)[number];

/** Assumption: plain http passes, for on loopback there is nothing else; Google is said to want https. */
export function checkedUri(uri: string | undefined): string {
  if (uri === undefined || !/^https?:\/\//.test(uri) || !URL.canParse(uri)) {
    throw invalid(`Invalid webhook uri: ${uri ?? '(none)'}`);
  }
  return uri;
}

export function checkedState(state: string | undefined): WebhookState {
  const known = STATES.find((candidate) => candidate === state);
  if (!known) throw invalid(`Invalid value at 'state': "${state}"`);
  return known;
}

/** Assumption: there must be at least one. */
export function checkedEvents(
  events: string[] | undefined,
  cancelledEvents: boolean,
): string[] {
  const known = cancelledEvents ? [...EVENT_TYPES, ...CANCELLED_TYPES] : EVENT_TYPES;
  if (!events?.length) throw invalid('subscribed_events must not be empty.');
  const unknown = events.find((event) => !known.includes(event));
  if (unknown === undefined) return events;
  throw invalid(
    `Invalid subscribed event: ${unknown}. Supported events: ${known.join(', ')}`,
  );
}
