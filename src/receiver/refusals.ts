import type { ServerResponse } from 'node:http';

/** Kinds of answers to a delivery. The metric label `outcome` has them: keep the set closed. */
export const ANSWER_KINDS = [
  'published',
  'dead-lettered',
  'duplicate',
  'refused', // 4xx
  'unavailable', // 503
] as const;

export type AnswerKind = (typeof ANSWER_KINDS)[number];

const KIND = Symbol('kind');

interface Holder {
  [KIND]?: AnswerKind;
}

/** Kind of the answer that was sent; undefined when it was no `PrebuiltResponse`. */
export function answerKindOf(response: ServerResponse & Holder): AnswerKind | undefined {
  return response[KIND];
}

/** An answer whose bytes are made once, because most deliveries get one of a few. */
export class PrebuiltResponse {
  /** A string, because Node.js writes it and the head in one piece. */
  private readonly body: string;
  private readonly headers: Record<string, string | number>;

  constructor(
    readonly status: number,
    body: object,
    headers: Record<string, string> = {},
    private readonly kind: AnswerKind = status < 500 ? 'refused' : 'unavailable',
  ) {
    this.body = JSON.stringify(body);
    this.headers = {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(this.body),
      ...headers,
    };
  }

  send(response: ServerResponse & Holder): void {
    if (response.headersSent) return;
    response[KIND] = this.kind;
    response.writeHead(this.status, this.headers);
    response.end(this.body);
  }
}

/** Seconds after which a sender should deliver again. */
const RETRY_AFTER = { 'Retry-After': '5' };
/** The rest of the request is not read, or the connection takes no further request. */
const CLOSE = { Connection: 'close' };

/** Every answer other than 200: reason to status and headers. */
const STATUS_BY_REASON = {
  'header-missing': [400],
  'header-malformed': [400],
  'capability-invalid': [401],
  'timestamp-stale': [401],
  'signature-mismatch': [401],
  'token-invalid': [401],
  'token-expired': [401],
  'token-audience': [401],
  'body-mismatch': [401],
  'body-unconfirmed': [401],
  'not-found': [404, CLOSE],
  'method-not-allowed': [405, { Allow: 'POST', ...CLOSE }],
  'body-too-large': [413, CLOSE],
  'body-too-slow': [503, { ...RETRY_AFTER, ...CLOSE }],
  overloaded: [503, { ...RETRY_AFTER, ...CLOSE }],
  'shutting-down': [503, { ...RETRY_AFTER, ...CLOSE }],
  'keys-unavailable': [503, RETRY_AFTER],
  'secrets-unsettled': [503, RETRY_AFTER],
  'secrets-unavailable': [503, RETRY_AFTER],
  'in-progress': [503, RETRY_AFTER],
  'ack-budget-spent': [503, RETRY_AFTER],
  'dedupe-unavailable': [503, RETRY_AFTER],
  'registry-unavailable': [503, RETRY_AFTER],
  'log-behind': [503, RETRY_AFTER],
  'kafka-unavailable': [503, RETRY_AFTER],
  'gemini-unavailable': [503, RETRY_AFTER],
  internal: [503, RETRY_AFTER],
} satisfies Record<string, [number, Record<string, string>?]>;

/** Why a delivery was not answered 200. The answer, the log and the metric have this code. */
export type RefusalReason = keyof typeof STATUS_BY_REASON;

/** Every answer other than 200, by its reason. `docs/reference/webhooks.md` lists them. */
export const REFUSALS: ReadonlyMap<string, PrebuiltResponse> = new Map(
  Object.entries(STATUS_BY_REASON).map(([reason, [status, headers]]) => [
    reason,
    new PrebuiltResponse(status, { status: 'refused', reason }, headers),
  ]),
);

export function refusalFor(reason: RefusalReason): PrebuiltResponse {
  return REFUSALS.get(reason) as PrebuiltResponse;
}
