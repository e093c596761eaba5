/**
 * Gemini did not do what it was asked for. `outcome` says whether it may have done it all the
 * same: only `refused` is certain, so only that may be tried again without looking.
 */
export class GeminiError extends Error {
  override readonly name = 'GeminiError';
  /** The HTTP status that Gemini answered; undefined when there was none. */
  readonly status: number | undefined;
  /** What Gemini says is wrong: for whoever asked, not for a log, as it may quote the request. */
  readonly reason: string | undefined;
  /** When Gemini wants to be asked again. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    message: string,
    readonly outcome: 'refused' | 'unknown',
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

/** Gemini did certainly nothing. */
export function isRefused(error: unknown): boolean {
  return error instanceof GeminiError && error.outcome === 'refused';
}

/** Gemini does not know what it was asked about. */
export function isMissing(error: unknown): boolean {
  return error instanceof GeminiError && error.status === 404;
}
