import type { Json } from '../json.js';
import type { StaticWebhook } from '../webhooks/webhooks.js';

/** The destination of an event: a static webhook, or a URI of the job itself. */
export interface Destination {
  readonly url: string;
  /** Undefined for a URI of `webhook_config.uris`. */
  readonly webhook: StaticWebhook | undefined;
}

/** One event for one destination. Times are emulated Unix ms. */
export interface Delivery extends Destination {
  readonly webhookId: string;
  readonly eventType: string;
  /** Resource name of the job that the event is about. */
  readonly jobName: string | undefined;
  /** The event. `body` is its JSON. */
  readonly envelope: Json;
  readonly body: string;
  /** `user_metadata` of the job, for the claims of a token. */
  readonly userMetadata: Json | undefined;
  state: 'pending' | 'accepted' | 'given-up';
  /** Number of all attempts so far. */
  attempts: number;
  /** Failed attempts since it was sent, or sent again by `redeliver`. */
  failures: number;
  startedMs: number;
  /** Timestamp of the first attempt, Unix seconds on the wall clock. */
  firstTimestamp: number | undefined;
  duplicated: boolean;
  cancelRetry: (() => void) | undefined;
}

/** The job that an event is about. */
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

/** One POST and its result. */
export interface DeliveryAttempt {
  readonly webhookId: string;
  readonly eventType: string;
  readonly jobName: string | undefined;
  readonly url: string;
  /** Id of the static webhook. Undefined for a dynamic delivery. */
  readonly webhook: string | undefined;
  /** Number of the attempt, from 1. Twins have the same. */
  readonly attempt: number;
  /** Start on the wall clock, RFC 3339. */
  readonly at: string;
  /** The headers as they were sent, so that a test can send the same request again. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Real ms until the answer or the error. */
  readonly tookMs: number;
  /** Undefined if there was no answer; then `error` says why. */
  readonly status: number | undefined;
  readonly error: string | undefined;
  /** The first 2 KiB of the answer's body. */
  readonly answer: string | undefined;
}

/** True for 2xx; any other result is retried. Assumption: 3xx, 410, 429 and `Retry-After` are not treated differently. */
export function isAccepted({ status }: Pick<DeliveryAttempt, 'status'>): boolean {
  return status !== undefined && status >= 200 && status < 300;
}
