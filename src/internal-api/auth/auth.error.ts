/** Why a call was refused. Doubles as a metric label: keep the set small. */
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

/** A call that must not pass. Holds nothing of a token: safe to log. */
export class AuthError extends Error {
  override readonly name = 'AccessError';
  /** When a repeat may pass; undefined where only another token helps. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    readonly fault: AuthFault,
    options: ErrorOptions & { retryAfterSeconds?: number } = {},
  ) {
    super(`call refused: ${fault}`, options);
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}
