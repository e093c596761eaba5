import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { CONFIG, type Config } from '../config.js';
import type { GeminiRequest } from './gemini-request.js';
import { GeminiError } from './gemini.error.js';

const VERSION = 'v1beta';
/** Of an answer. What can be longer is asked for with a field mask, or streamed. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
const MAX_REASON_LENGTH = 500;
/** Whoever says more would keep us from looking for too long. */
const MAX_RETRY_AFTER_SECONDS = 3600;

const errorAnswer = z.object({ error: z.object({ message: z.string() }) });

/**
 * The only file that speaks to the Gemini API. Each call is one request, never repeated here:
 * a repeated submission could be billed twice.
 *
 * Not through Google's SDK, which hides `Retry-After`, a failed batch's error and its counts,
 * and takes 30 MB of memory.
 */
@Injectable()
export class GeminiClient {
  constructor(@Inject(CONFIG) private readonly config: Config) {}

  /** False without a key: then the bridge only receives. */
  get configured(): boolean {
    return this.config.gemini.apiKey !== undefined;
  }

  /**
   * @returns the answer's JSON.
   * @throws {GeminiError}
   */
  async send(request: GeminiRequest, timeoutMs: number): Promise<unknown> {
    const response = await this.fetched(request, AbortSignal.timeout(timeoutMs));
    const text = await asGeminiError(textOf(response));
    if (!response.ok) throw refusalOf(response, text);
    try {
      return JSON.parse(text);
    } catch (cause) {
      const { status } = response;
      throw new GeminiError('Gemini answered something else', 'unknown', {
        status,
        cause,
      });
    }
  }

  private fetched(
    { method, path, query = {}, body }: GeminiRequest,
    signal: AbortSignal,
  ): Promise<Response> {
    const { url, apiKey = '' } = this.config.gemini;
    const search = new URLSearchParams(query).toString();
    const address = `${url}/${VERSION}/${path}${search && '?'}${search}`;
    return asGeminiError(
      fetch(address, {
        method,
        headers: {
          'x-goog-api-key': apiKey,
          ...(body && { 'content-type': 'application/json' }),
        },
        ...(body && { body: JSON.stringify(body) }),
        signal,
        redirect: 'error',
      }),
    );
  }
}

async function asGeminiError<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (cause) {
    throw new GeminiError('Gemini did not answer', 'unknown', { cause });
  }
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
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
