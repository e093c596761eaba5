import { Injectable } from '@nestjs/common';
import type { GeminiConfig } from '../config/config.js';
import { InjectConfig } from '../config/inject-config.js';
import { fetchOk, readText } from './gemini-http.js';
import { API_VERSION, type GeminiRequest } from './gemini-request.js';
import { GeminiError } from './gemini.error.js';

/**
 * Client of the Gemini API. Each call is one request. The client repeats none, because Gemini
 * would bill a repeated submission twice.
 *
 * It does not use Google's SDK, which hides `Retry-After`, the error of a failed batch and its
 * counts, and takes 30 MB of memory (docs/decisions/0005).
 */
@Injectable()
export class GeminiClient {
  /** Read once: `configured` is called for each delivery, and the key may be in a file. */
  private readonly isConfigured: boolean;

  constructor(@InjectConfig('gemini') private readonly geminiConfig: GeminiConfig) {
    this.isConfigured = geminiConfig.apiKey !== undefined;
  }

  /** False without `GEMINI_API_KEY`: the bridge then only receives. */
  get configured(): boolean {
    return this.isConfigured;
  }

  /**
   * Sends a request.
   *
   * @returns the JSON of the response.
   * @throws {GeminiError} also when the response is not JSON.
   */
  async send(request: GeminiRequest, timeoutMs: number): Promise<unknown> {
    const response = await this.fetch(request, AbortSignal.timeout(timeoutMs));
    const text = await readText(response);
    try {
      return JSON.parse(text);
    } catch {
      // No cause: it would quote the response, which may hold a secret
      throw unexpectedResponse(response.status);
    }
  }

  /**
   * Sends a request and parses the response.
   *
   * @param parse throws if the JSON does not have the expected form.
   * @throws {GeminiError}
   */
  async ask<T>(
    request: GeminiRequest,
    timeoutMs: number,
    parse: (json: unknown) => T,
  ): Promise<T> {
    const json = await this.send(request, timeoutMs);
    try {
      return parse(json);
    } catch (cause) {
      throw unexpectedResponse(200, cause);
    }
  }

  /**
   * Sends a request whose response can have any length. The caller streams the body.
   *
   * @param range value of a `Range` header.
   * @throws {GeminiError}
   */
  open(
    request: GeminiRequest,
    signal: AbortSignal,
    range: string | undefined,
  ): Promise<Response> {
    // A range counts the bytes of the stored file, so no encoding may change them
    const headers = { 'accept-encoding': 'identity', ...(range && { range }) };
    return this.fetch(request, signal, headers);
  }

  private fetch(
    { method, path, query = {}, body }: GeminiRequest,
    signal: AbortSignal,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    const { url, apiKey = '' } = this.geminiConfig;
    const search = new URLSearchParams(query).toString();
    const address = `${url}/${API_VERSION}/${path}${search && '?'}${search}`;
    return fetchOk(address, {
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

function unexpectedResponse(status: number, cause?: unknown): GeminiError {
  const message = 'Gemini answered in an unexpected form';
  return new GeminiError(message, 'unknown', { status, cause });
}
