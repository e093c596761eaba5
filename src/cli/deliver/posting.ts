import { setTimeout as sleep } from 'node:timers/promises';

const PAUSE_MS = 1000;
const SHOWN_LENGTH = 200;
const MAX_LENGTH = 65_536;

/** What came of a request: an answer, or why there was none. */
export type Outcome =
  | {
      readonly status: number;
      /** `status` or `reason` of the bridge's answers; undefined for whatever is not one. */
      readonly says: string | undefined;
      readonly location: string | undefined;
      readonly retryAfterMs: number | undefined;
      readonly text: string;
    }
  | { readonly trouble: string };

export interface RetryLimits {
  /** For each answer, in ms: a server that hangs must not hang us. */
  readonly timeoutMs: number;
  /** On the clock of `performance.now()`; a try that has begun may go on after it. */
  readonly deadline: number;
}

export interface Sending {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/**
 * Posts until the answer is more than "not yet": nobody listens, nothing comes, or 503.
 *
 * @param make called for each try: what is signed has to be fresh.
 */
export async function postWithRetries(
  url: string,
  make: () => Sending,
  { timeoutMs, deadline }: RetryLimits,
): Promise<{ outcome: Outcome; tries: number }> {
  for (let tries = 1; ; tries++) {
    const outcome = await post(url, make(), timeoutMs);
    const isFinal = 'status' in outcome && outcome.status !== 503;
    const pause = 'status' in outcome ? (outcome.retryAfterMs ?? PAUSE_MS) : PAUSE_MS;
    if (isFinal || performance.now() + pause > deadline) return { outcome, tries };
    await sleep(pause);
  }
}

async function post(
  url: string,
  { headers, body }: Sending,
  timeoutMs: number,
): Promise<Outcome> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: new Uint8Array(body),
      redirect: 'manual', // Gemini would not follow it
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await shownOf(response);
    const seconds = response.headers.get('retry-after') ?? '';
    return {
      status: response.status,
      says: saidIn(text),
      location: response.headers.get('location') ?? undefined,
      retryAfterMs: /^\d{1,5}$/.test(seconds) ? Number(seconds) * 1000 : undefined,
      text: text.slice(0, SHOWN_LENGTH),
    };
  } catch (error) {
    return { trouble: troubleOf(error, timeoutMs) };
  }
}

/** As much as is looked at: what answers may be anything. */
async function shownOf(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (text.length > MAX_LENGTH) break;
  }
  return text;
}

function saidIn(text: string): string | undefined {
  try {
    const { status, reason = status } = JSON.parse(text) as Record<string, unknown>;
    return typeof reason === 'string' && /^[a-z-]{1,40}$/.test(reason)
      ? reason
      : undefined;
  } catch {
    return undefined;
  }
}

/** `fetch failed` says nothing; what failed is its cause. */
function troubleOf(error: unknown, timeoutMs: number): string {
  const { name, message, cause } = error as Error;
  if (name === 'TimeoutError') return `no answer within ${timeoutMs / 1000} s`;
  const { code, message: why } = (cause ?? {}) as { code?: string; message?: string };
  return why || code || message;
}
