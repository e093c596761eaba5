import { invalid } from '../api-error.js';

/** The event types of the live API, in the order of its error message. */
export const EVENT_TYPES = [
  'batch.succeeded',
  'batch.expired',
  'batch.failed',
  'interaction.requires_action',
  'interaction.completed',
  'interaction.failed',
  'video.generated',
];
/** Event types that the guide has and the API does not. */
const CANCELLED_TYPES = ['batch.cancelled', 'interaction.cancelled'];

const STATES = ['enabled', 'disabled', 'disabled_due_to_failed_deliveries'] as const;
export type WebhookState = (typeof STATES)[number];

/** @throws {ApiError} 400. Plain http is allowed, because loopback has nothing else; Google is said to require https */
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

/** Assumption: at least one event is required. @throws {ApiError} 400 */
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
