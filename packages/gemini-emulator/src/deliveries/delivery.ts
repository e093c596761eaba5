import type { Json } from '../json.js';
import type { StaticWebhook } from '../webhooks/webhooks.js';

/** Where an event goes: a registered webhook, or a URI of the job itself. */
export interface Destination {
  readonly url: string;
  /** Undefined: from `webhook_config.uris`. */
  readonly webhook: StaticWebhook | undefined;
}

/** One event on its way to one destination. Times are emulated milliseconds since 1970. */
export interface Delivery extends Destination {
  readonly webhookId: string;
  readonly eventType: string;
  /** Resource name of the job, if it is about one. */
  readonly jobName: string | undefined;
  /** The event, whose JSON is the body. */
  readonly envelope: Json;
  readonly body: string;
  /** For the claims of a token. */
  readonly userMetadata: Json | undefined;
  state: 'pending' | 'accepted' | 'given-up';
  /** Attempts so far, all in all. */
  attempts: number;
  /** Failed attempts since it was sent or sent again on purpose. */
  failures: number;
  startedMs: number;
  /** Seconds since 1970 on the wall clock; the timestamp of the first attempt. */
  firstTimestamp: number | undefined;
  duplicated: boolean;
  cancelRetry: (() => void) | undefined;
}

/** What the event is about. */
export interface JobReference {
  readonly jobName?: string | undefined;
  readonly userMetadata?: Json | undefined;
}

export function newDelivery(
  webhookId: string,
  envelope: Json,
  destination: Destination,
  job: JobReference,
  startedMs: number,
): Delivery {
  return {
    ...destination,
    webhookId,
    eventType: String(envelope['type']),
    jobName: job.jobName,
    envelope,
    body: JSON.stringify(envelope),
    userMetadata: job.userMetadata,
    state: 'pending',
    attempts: 0,
    failures: 0,
    startedMs,
    firstTimestamp: undefined,
    duplicated: false,
    cancelRetry: undefined,
  };
}

/** One POST and what became of it. */
export interface DeliveryAttempt {
  readonly webhookId: string;
  readonly eventType: string;
  readonly jobName: string | undefined;
  readonly url: string;
  /** Id of the static webhook; undefined for a dynamic delivery. */
  readonly webhook: string | undefined;
  /** From 1. Twins share it. */
  readonly attempt: number;
  /** When it began: RFC 3339, wall clock. */
  readonly at: string;
  /** What was sent, byte for byte, so that a test can send it once more. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** From the beginning to the answer, or to what came instead. */
  readonly tookMs: number;
  /** Undefined when there was no answer; then `error` says why. */
  readonly status: number | undefined;
  readonly error: string | undefined;
  /** The first 2 KiB. */
  readonly answer: string | undefined;
}

/** Anything but 2xx is repeated. Assumption: 3xx, 410, 429 and `Retry-After` are nothing special. */
export function isAccepted({ status }: Pick<DeliveryAttempt, 'status'>): boolean {
  return status !== undefined && status >= 200 && status < 300;
}
