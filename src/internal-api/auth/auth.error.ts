/** Reasons for which a call is refused. They are labels of a metric, so the set is closed. */
export const AUTH_FAULTS = [
  'token-missing',
  'token-unknown',
  'token-invalid',
  'token-expired',
  'token-audience',
  'scope-missing',
  'rate-limited',
  'identity-provider-unavailable',
] as const;

export type AuthFault = (typeof AUTH_FAULTS)[number];

/** A refused call. It holds no part of the token, so it can be logged. */
export class AuthError extends Error {
  override readonly name = 'AuthError';
  /** Seconds after which a repeat can pass; undefined if only another token helps. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    readonly fault: AuthFault,
    options: ErrorOptions & { retryAfterSeconds?: number } = {},
  ) {
    super(`call refused: ${fault}`, options);
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}
