import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { answered, textOf } from './gemini-http.js';
import { API_VERSION, type GeminiRequest } from './gemini-request.js';
import { GeminiError } from './gemini.error.js';

/**
 * Speaks to the Gemini API. Each call is one request, never repeated here:
 * a repeated submission could be billed twice.
 *
 * Not through Google's SDK, which hides `Retry-After`, a failed batch's error and its counts,
 * and takes 30 MB of memory.
 */
@Injectable()
export class GeminiClient {
  /** Asked once: each delivery asks, and the key may be in a file. */
  private readonly isConfigured: boolean;

  constructor(@Inject(CONFIG) private readonly config: Config) {
    this.isConfigured = config.gemini.apiKey !== undefined;
  }

  /** False without a key: then the bridge only receives. */
  get configured(): boolean {
    return this.isConfigured;
  }

  /**
   * @returns the answer's JSON.
   * @throws {GeminiError}
   */
  async send(request: GeminiRequest, timeoutMs: number): Promise<unknown> {
    const response = await this.fetched(request, AbortSignal.timeout(timeoutMs));
    const text = await textOf(response);
    try {
      return JSON.parse(text);
    } catch {
      // Its cause would quote the answer, which may be a secret
      throw somethingElse(response.status);
    }
  }

  /**
   * The same, read.
   *
   * @param read what it throws says that Gemini answered something else.
   * @throws {GeminiError}
   */
  async ask<T>(
    request: GeminiRequest,
    timeoutMs: number,
    read: (answer: unknown) => T,
  ): Promise<T> {
    const answer = await this.send(request, timeoutMs);
    try {
      return read(answer);
    } catch (cause) {
      throw somethingElse(200, cause);
    }
  }

  /**
   * For answers of any length: who asked reads the body as it comes.
   *
   * @param range of bytes, as in an HTTP header.
   * @throws {GeminiError}
   */
  open(
    request: GeminiRequest,
    signal: AbortSignal,
    range: string | undefined,
  ): Promise<Response> {
    // A range counts the bytes as they are stored
    const headers = { 'accept-encoding': 'identity', ...(range && { range }) };
    return this.fetched(request, signal, headers);
  }

  private fetched(
    { method, path, query = {}, body }: GeminiRequest,
    signal: AbortSignal,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    const { url, apiKey = '' } = this.config.gemini;
    const search = new URLSearchParams(query).toString();
    const address = `${url}/${API_VERSION}/${path}${search && '?'}${search}`;
    return answered(address, {
      method,
      headers: {
        'x-goog-api-key': apiKey,
        ...(body && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
      signal,
    });
  }
}

function somethingElse(status: number, cause?: unknown): GeminiError {
  return new GeminiError('Gemini answered something else', 'unknown', { status, cause });
}
