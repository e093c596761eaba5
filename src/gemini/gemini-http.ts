import { z } from 'zod';
import { GeminiError } from './gemini.error.js';

/** Of an answer. What can be longer is asked for with a field mask, or streamed. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
const MAX_REASON_LENGTH = 500;
/** Whoever says more would keep us from looking for too long. */
const MAX_RETRY_AFTER_SECONDS = 3600;

const errorAnswer = z.object({ error: z.object({ message: z.string() }) });

/**
 * One request, without following redirects.
 *
 * @returns an answer of 2xx, whose body is still to be read.
 * @throws {GeminiError}
 */
export async function answered(address: string, init: RequestInit): Promise<Response> {
  const response = await fetched(address, init);
  if (response.ok) return response;
  // Whatever becomes of its body, the status says enough
  throw refusalOf(response, await textOf(response).catch(() => ''));
}

async function fetched(address: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(address, { ...init, redirect: 'error' });
  } catch (cause) {
    const outcome = wasNeverConnected(cause) ? 'refused' : 'unknown';
    throw new GeminiError('Gemini did not answer', outcome, { cause });
  }
}

interface ConnectFailure {
  readonly syscall?: string;
  readonly code?: string;
  readonly cause?: unknown;
  /** One for each address that the name has. */
  readonly errors?: readonly unknown[];
}

/** Then certainly nothing was sent. */
function wasNeverConnected(error: unknown): boolean {
  const { syscall, code, cause, errors } = (error ?? {}) as ConnectFailure;
  if (errors) return errors.length > 0 && errors.every(wasNeverConnected);
  if (syscall === 'connect' || syscall === 'getaddrinfo') return true;
  return code === 'UND_ERR_CONNECT_TIMEOUT' || (cause ? wasNeverConnected(cause) : false);
}

/** @throws {GeminiError} also for a body that is too long, or breaks off. */
export async function textOf(response: Response): Promise<string> {
  try {
    return await read(response);
  } catch (cause) {
    const { status } = response;
    throw new GeminiError('Gemini did not answer in full', 'unknown', { status, cause });
  }
}

async function read({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) throw new Error('the answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function refusalOf({ status, headers }: Response, text: string): GeminiError {
  return new GeminiError(`Gemini answered ${status}`, outcomeOf(status), {
    status,
    reason: reasonIn(text),
    retryAfterSeconds: retryAfter(headers.get('retry-after')),
  });
}

/** 408 and 499 tell of the request's time, not of what became of it. */
function outcomeOf(status: number): 'refused' | 'unknown' {
  const isSure = status >= 400 && status < 500 && status !== 408 && status !== 499;
  return isSure ? 'refused' : 'unknown';
}

function reasonIn(text: string): string | undefined {
  try {
    return errorAnswer.parse(JSON.parse(text)).error.message.slice(0, MAX_REASON_LENGTH);
  } catch {
    return undefined;
  }
}

/** Seconds, or a date. */
function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  const seconds = /^\d{1,9}$/.test(header)
    ? Number(header)
    : Math.ceil((Date.parse(header) - Date.now()) / 1000);
  if (Number.isNaN(seconds)) return undefined;
  return Math.min(Math.max(seconds, 0), MAX_RETRY_AFTER_SECONDS);
}
