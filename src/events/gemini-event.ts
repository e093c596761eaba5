import { z } from 'zod';
import { canonicalType, isCatalogType } from './event-topics.js';

/** What the bridge needs to know of an event; the rest stays in its bytes. */
export interface GeminiEvent {
  /** As the catalog spells it: `batch.completed` has become `batch.succeeded`. */
  readonly type: string;
  /** Resource name of the job, `batches/…`; undefined where the event names none. */
  readonly subject: string | undefined;
  /** The same, where it is sure to be the job's: a video of Google's first samples names its file. */
  readonly jobName: string | undefined;
  /** The event's own time, RFC 3339; undefined where it says none. */
  readonly time: string | undefined;
  /** Error of a failed job, `data.error_code` and `data.error_message`; absent if there is neither. */
  readonly error?: { readonly code?: string | number; readonly message?: string };
}

/** Why verified bytes cannot be routed. Goes into the dead letter's header. */
export const EVENT_FAULTS = ['not-json', 'not-an-event', 'job-unnamed'] as const;

export type EventFault = (typeof EVENT_FAULTS)[number];

/** Verified bytes that are no event. They are kept, never answered 4xx. */
export class EventFormatError extends Error {
  override readonly name = 'EventFormatError';

  /** @param type the event's type, as far as the bytes have one of the known form. */
  constructor(
    readonly fault: EventFault,
    readonly type?: string,
  ) {
    super(`not a Gemini event: ${fault}`);
  }
}

/** Types become header values and metric material, so their form is bounded. */
const envelope = z.object({
  type: z.string().regex(/^[A-Za-z0-9._-]{1,128}$/),
  timestamp: z.string().max(64).optional().catch(undefined),
  data: z
    .object({
      id: z.string().min(1).max(512).optional().catch(undefined),
      /** The video's name in Google's first samples. */
      file_id: z.string().min(1).max(512).optional().catch(undefined),
      error_code: z.union([z.string(), z.number()]).optional().catch(undefined),
      error_message: z.string().optional().catch(undefined),
    })
    .optional()
    .catch(undefined),
});

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

/**
 * Reads an event's envelope, `{type, version, timestamp, data: {id, …}}`, tolerantly: the
 * exact forms of `data` are not documented.
 *
 * @throws {EventFormatError} for what cannot be routed.
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

/** Families whose collection is known. A video's name is an operation's, of unknown form. */
const COLLECTIONS = new Map([
  ['batch', { collection: 'batches/', prefix: /^batch_(?=.)/ }],
  ['interaction', { collection: 'interactions/', prefix: /^interaction_(?=.)/ }],
]);

/** `123`, `batch_123` and `batches/123` are all `batches/123`: docs and API differ. */
export function resourceName(type: string, id: string): string {
  const family = COLLECTIONS.get(type.split('.', 1)[0] as string);
  if (!family || id.includes('/')) return id;
  return family.collection + id.replace(family.prefix, '');
}

/** Also one that JavaScript can compute with: a leap second is no such time. */
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
