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
  const response = await asGeminiError(fetch(address, { ...init, redirect: 'error' }));
  if (response.ok) return response;
  throw refusalOf(response, await textOf(response));
}

/** @throws {GeminiError} also for a body that is too long, or breaks off. */
export function textOf(response: Response): Promise<string> {
  return asGeminiError(read(response));
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

/** Whatever goes wrong on the way is an unknown outcome. */
async function asGeminiError<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (cause) {
    throw new GeminiError('Gemini did not answer', 'unknown', { cause });
  }
}

function refusalOf({ status, headers }: Response, text: string): GeminiError {
  return new GeminiError(`Gemini answered ${status}`, outcomeOf(status), {
    status,
    reason: reasonIn(text),
    retryAfterSeconds: retryAfter(headers.get('retry-after')),
  });
}

function outcomeOf(status: number): 'refused' | 'unknown' {
  return status >= 400 && status < 500 && status !== 408 ? 'refused' : 'unknown';
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
