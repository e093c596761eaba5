import { z } from 'zod';
import { GeminiError } from './gemini.error.js';
import { keyRefusal } from './key-refusal.js';

/** Limit of a body that is held in memory. Longer ones need a field mask, or are streamed. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;
const MAX_REASON_LENGTH = 500;
/** A longer `Retry-After` would stop the polling of jobs for too long. */
const MAX_RETRY_AFTER_SECONDS = 3600;

const errorBody = z.object({ error: z.object({ message: z.string() }) });

/**
 * Sends one request and follows no redirect.
 *
 * @returns a 2xx response whose body is not read yet.
 * @throws {GeminiError}
 */
export async function fetchOk(url: string, init: RequestInit): Promise<Response> {
  const response = await fetchOnce(url, init);
  if (response.ok) return response;
  // The body only explains the status: without it the error is still complete
  throw errorOf(response, await readText(response).catch(() => ''));
}

async function fetchOnce(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, redirect: 'error' });
  } catch (cause) {
    const effect = isConnectFailure(cause) ? 'refused' : 'unknown';
    throw new GeminiError('Gemini did not answer', effect, { cause });
  }
}

interface ConnectFailure {
  readonly syscall?: string;
  readonly code?: string;
  readonly cause?: unknown;
  /** One error for each address of the host name. */
  readonly errors?: readonly unknown[];
}

/** True if no connection came about, so that Gemini certainly got no request. */
function isConnectFailure(error: unknown): boolean {
  const { syscall, code, cause, errors } = (error ?? {}) as ConnectFailure;
  if (errors) return errors.length > 0 && errors.every(isConnectFailure);
  if (syscall === 'connect' || syscall === 'getaddrinfo') return true;
  return code === 'UND_ERR_CONNECT_TIMEOUT' || (cause ? isConnectFailure(cause) : false);
}

/** @throws {GeminiError} `unknown` when the body breaks off, or exceeds `MAX_BODY_BYTES`. */
export async function readText(response: Response): Promise<string> {
  try {
    return await readBounded(response);
  } catch (cause) {
    const { status } = response;
    throw new GeminiError('Gemini did not answer in full', 'unknown', { status, cause });
  }
}

async function readBounded({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) {
      throw new Error(`the body has more than ${MAX_BODY_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function errorOf({ status, headers }: Response, text: string): GeminiError {
  const message = keyRefusal(status, text) ?? `Gemini answered ${status}`;
  return new GeminiError(message, effectOf(status), {
    status,
    reason: reasonIn(text),
    retryAfterSeconds: parseRetryAfter(headers.get('retry-after')),
  });
}

/** 4xx means that Gemini did nothing, except 408 and 499: these say that the request took too long. */
function effectOf(status: number): 'refused' | 'unknown' {
  const isCertain = status >= 400 && status < 500 && status !== 408 && status !== 499;
  return isCertain ? 'refused' : 'unknown';
}

function reasonIn(text: string): string | undefined {
  try {
    return errorBody.parse(JSON.parse(text)).error.message.slice(0, MAX_REASON_LENGTH);
  } catch {
    return undefined;
  }
}

/** Seconds of a `Retry-After`, which has seconds or an HTTP date. */
function parseRetryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  const seconds = /^\d{1,9}$/.test(header)
    ? Number(header)
    : Math.ceil((Date.parse(header) - Date.now()) / 1000);
  if (Number.isNaN(seconds)) return undefined;
  return Math.min(Math.max(seconds, 0), MAX_RETRY_AFTER_SECONDS);
}
