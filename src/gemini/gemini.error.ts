/**
 * Gemini did not do what it was asked for. `outcome` says whether it may have done it all the
 * same: only `refused` is certain, so only that may be tried again without looking.
 */
export class GeminiError extends Error {
  override readonly name = 'GeminiError';

  constructor(
    message: string,
    readonly outcome: 'refused' | 'unknown',
    /** The HTTP status that Gemini answered; undefined when there was none. */
    readonly status: number | undefined,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
