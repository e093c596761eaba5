import type { ServerResponse } from 'node:http';

/** What the bridge answered to a delivery. Doubles as a metric label: keep the set closed. */
export const OUTCOMES = [
  'published',
  'dead-lettered',
  'duplicate',
  'refused', // 4xx
  'unavailable', // 503
] as const;

export type AnswerOutcome = (typeof OUTCOMES)[number];

const OUTCOME = Symbol('outcome');

interface Holder {
  [OUTCOME]?: AnswerOutcome;
}

/** Of the answer that was given; undefined where it was none of these. */
export function answerKindOf(
  response: ServerResponse & Holder,
): AnswerOutcome | undefined {
  return response[OUTCOME];
}

/** An answer whose bytes are made once: most deliveries get one of a handful. */
export class PrebuiltResponse {
  /** Text, which Node writes together with the head in one piece. */
  private readonly body: string;
  private readonly headers: Record<string, string | number>;

  constructor(
    readonly status: number,
    body: object,
    headers: Record<string, string> = {},
    private readonly outcome: AnswerOutcome = status < 500 ? 'refused' : 'unavailable',
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
    response[OUTCOME] = this.outcome;
    response.writeHead(this.status, this.headers);
    response.end(this.body);
  }
}

/** Seconds after which a sender that honours it should come again. */
const RETRY_AFTER = { 'Retry-After': '5' };
/** The rest of the request is not wanted, or nothing more is taken on this connection. */
const CLOSE = { Connection: 'close' };

/** The whole table of answers other than 200: reason code to status and headers. */
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

/** Why a delivery was not answered 200: the code in the answer, the log and the metric. */
export type RefusalReason = keyof typeof STATUS_BY_REASON;

/** Every answer other than 200, by its reason. A test compares docs/reference/webhooks.md with it. */
export const REFUSALS: ReadonlyMap<string, PrebuiltResponse> = new Map(
  Object.entries(STATUS_BY_REASON).map(([reason, [status, headers]]) => [
    reason,
    new PrebuiltResponse(status, { status: 'refused', reason }, headers),
  ]),
);

export function refusalFor(reason: RefusalReason): PrebuiltResponse {
  return REFUSALS.get(reason) as PrebuiltResponse;
}
