import { setTimeout as sleep } from 'node:timers/promises';

const PAUSE_MS = 1000;
const SHOWN_LENGTH = 200;
const MAX_LENGTH = 65_536;

/** The last answer to a request, or why there was none. */
export type Outcome = Answer | { readonly failure: string };

export interface Answer {
  readonly status: number;
  /** `status` or `reason` of an answer of the bridge; undefined for another answer. */
  readonly reason: string | undefined;
  readonly location: string | undefined;
  readonly retryAfterMs: number | undefined;
  /** Its first 200 characters. */
  readonly text: string;
}

export interface RetryLimits {
  /** For each answer, in ms. */
  readonly timeoutMs: number;
  /** On the clock of `performance.now()`. A request that has begun may end after it. */
  readonly deadline: number;
}

export interface SignedRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/**
 * Posts again while no server answers, or one answers 503.
 *
 * @param make called for each request, because a signature has to be fresh.
 */
export async function postWithRetries(
  url: string,
  make: () => SignedRequest,
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
  { headers, body }: SignedRequest,
  timeoutMs: number,
): Promise<Outcome> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: new Uint8Array(body),
      redirect: 'manual', // Gemini does not follow redirects
      signal: AbortSignal.timeout(timeoutMs),
    });
    return answerOf(response, await boundedText(response));
  } catch (error) {
    return { failure: failureText(error, timeoutMs) };
  }
}

function answerOf({ status, headers }: Response, text: string): Answer {
  const seconds = headers.get('retry-after') ?? '';
  return {
    status,
    reason: reasonIn(text),
    location: headers.get('location') ?? undefined,
    retryAfterMs: /^\d{1,5}$/.test(seconds) ? Number(seconds) * 1000 : undefined,
    text: text.slice(0, SHOWN_LENGTH),
  };
}

/** At most `MAX_LENGTH` characters: another server may answer with anything. */
async function boundedText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (text.length > MAX_LENGTH) break;
  }
  return text;
}

function reasonIn(text: string): string | undefined {
  try {
    const { status, reason = status } = JSON.parse(text) as Record<string, unknown>;
    const isReason = typeof reason === 'string' && /^[a-z-]{1,40}$/.test(reason);
    return isReason ? reason : undefined;
  } catch {
    return undefined;
  }
}

/** The message of `fetch` itself is only `fetch failed`; its cause has the reason. */
function failureText(error: unknown, timeoutMs: number): string {
  const { name, message, cause } = error as Error;
  if (name === 'TimeoutError') return `no answer within ${timeoutMs / 1000} s`;
  const { code, message: reason } = (cause ?? {}) as { code?: string; message?: string };
  return reason || code || message;
}
