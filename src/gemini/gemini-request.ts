export const API_VERSION = 'v1beta';

/** A request to the Gemini API. */
export interface GeminiRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Path behind the API version: `batches/1`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: object;
}
