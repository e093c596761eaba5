/** Gemini did not do what a request asked for, or did not say that it did. */
export class GeminiError extends Error {
  override readonly name = 'GeminiError';
  /** HTTP status of Gemini's answer; undefined if there was none. */
  readonly status: number | undefined;
  /** Gemini's own error text. It may quote the request: for the caller, never for a log. */
  readonly reason: string | undefined;
  /** `Retry-After` of Gemini's answer. */
  readonly retryAfterSeconds: number | undefined;

  /**
   * @param effect `refused`: Gemini certainly did nothing, so the request can be repeated.
   *   `unknown`: Gemini may have done it.
   */
  constructor(
    message: string,
    readonly effect: 'refused' | 'unknown',
    {
      status,
      reason,
      retryAfterSeconds,
      cause,
    }: {
      status?: number | undefined;
      reason?: string | undefined;
      retryAfterSeconds?: number | undefined;
      cause?: unknown;
    } = {},
  ) {
    super(message, { cause });
    this.status = status;
    this.reason = reason;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** True if Gemini certainly did nothing. */
export function isRefused(error: unknown): boolean {
  return error instanceof GeminiError && error.effect === 'refused';
}

/** True if Gemini does not have the resource of the request (404). */
export function isMissing(error: unknown): boolean {
  return error instanceof GeminiError && error.status === 404;
}
