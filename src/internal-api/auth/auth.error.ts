/** Why a call was refused. Doubles as a metric label: keep the set small. */
export const ACCESS_FAULTS = [
  'token-missing',
  'token-unknown',
  'token-invalid',
  'token-expired',
  'token-audience',
  'scope-missing',
  'rate-limited',
  'identity-provider-unavailable',
] as const;

export type AccessFault = (typeof ACCESS_FAULTS)[number];

/** A call that must not pass. Holds nothing of a token: safe to log. */
export class AccessError extends Error {
  override readonly name = 'AccessError';
  /** When a repeat may pass; undefined where only another token helps. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    readonly fault: AccessFault,
    options: ErrorOptions & { retryAfterSeconds?: number } = {},
  ) {
    super(`call refused: ${fault}`, options);
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}
