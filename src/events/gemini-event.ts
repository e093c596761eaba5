import { z } from 'zod';
import { canonicalType, isCatalogType } from './event-topics.js';

/** The members of an event that the bridge uses. The record's value keeps all of them. */
export interface GeminiEvent {
  /** In the catalog's spelling: `batch.completed` becomes `batch.succeeded`. */
  readonly type: string;
  /** Resource name of the job, such as `batches/123`; undefined when the event has none. */
  readonly subject: string | undefined;
  /** The subject, if it is a job's name for sure. In Google's first samples a video names its file. */
  readonly jobName: string | undefined;
  /** RFC 3339; undefined when the event has no valid time. */
  readonly time: string | undefined;
  /** Error of a failed job, `data.error_code` and `data.error_message`; absent if there is neither. */
  readonly error?: { readonly code?: string | number; readonly message?: string };
}

/** Why verified bytes cannot be routed. The dead letter's header `bridge-reason` has it. */
export const EVENT_FAULTS = ['not-json', 'not-an-event', 'job-unnamed'] as const;

export type EventFault = (typeof EVENT_FAULTS)[number];

/** Verified bytes that are no event. They become a dead letter and are answered 200. */
export class EventFormatError extends Error {
  override readonly name = 'EventFormatError';

  /** @param type the event's type, if the bytes have one. */
  constructor(
    readonly fault: EventFault,
    readonly type?: string,
  ) {
    super(`not a Gemini event: ${fault}`);
  }
}

/** The form of types is bounded, because they become header values and log fields. */
const envelope = z.object({
  type: z.string().regex(/^[A-Za-z0-9._-]{1,128}$/),
  timestamp: z.string().max(64).optional().catch(undefined),
  data: z
    .object({
      id: z.string().min(1).max(512).optional().catch(undefined),
      /** Names the video in Google's first samples. */
      file_id: z.string().min(1).max(512).optional().catch(undefined),
      error_code: z.union([z.string(), z.number()]).optional().catch(undefined),
      error_message: z.string().optional().catch(undefined),
    })
    .optional()
    .catch(undefined),
});

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

/**
 * Parses an event's envelope, `{type, version, timestamp, data: {id, …}}`. Unknown members are
 * ignored, because Google does not document the exact forms of `data`.
 *
 * @throws {EventFormatError} for bytes that cannot be routed.
 */
export function parseGeminiEvent(body: Buffer): GeminiEvent {
  const parsed = envelope.safeParse(parseJson(body));
  if (!parsed.success) throw new EventFormatError('not-an-event');
  const { timestamp, data } = parsed.data;
  const type = canonicalType(parsed.data.type);
  const { id = data?.file_id } = data ?? {};
  if (id === undefined && isCatalogType(type)) {
    throw new EventFormatError('job-unnamed', type);
  }
  const subject = id === undefined ? undefined : resourceName(type, id);
  const jobName = data?.id === undefined ? undefined : subject;
  const { error_code: code, error_message: message } = data ?? {};
  return {
    type,
    subject,
    jobName,
    time: isTime(timestamp) ? timestamp : undefined,
    ...((code !== undefined || message !== undefined) && {
      error: {
        ...(code !== undefined && { code }),
        ...(message !== undefined && { message }),
      },
    }),
  };
}

/** Event families with a known collection. A video's name is an operation's, of unknown form. */
const COLLECTIONS = new Map([
  ['batch', { collection: 'batches/', prefix: /^batch_(?=.)/ }],
  ['interaction', { collection: 'interactions/', prefix: /^interaction_(?=.)/ }],
]);

/**
 * The resource name for an id. Google's docs and API spell ids differently: `123`, `batch_123` and
 * `batches/123` are all `batches/123`.
 */
export function resourceName(type: string, id: string): string {
  const family = COLLECTIONS.get(type.split('.', 1)[0] as string);
  if (!family || id.includes('/')) return id;
  return family.collection + id.replace(family.prefix, '');
}

/** False for a leap second as well, because `Date` cannot represent it. */
function isTime(timestamp: string | undefined): boolean {
  if (timestamp === undefined || !RFC_3339.test(timestamp)) return false;
  return !Number.isNaN(Date.parse(timestamp));
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new EventFormatError('not-json');
  }
}
