/** Why a delivery was refused. Doubles as a metric label: keep the set small. */
export type SignatureFault =
  | 'header-missing'
  | 'header-malformed'
  | 'capability-invalid'
  | 'timestamp-stale'
  | 'signature-mismatch'
  | 'token-invalid'
  | 'token-expired'
  | 'token-audience'
  | 'body-mismatch'
  | 'body-unconfirmed';

/** A delivery that must not be trusted. Carries no body and no secret: safe to log. */
export class SignatureError extends Error {
  override readonly name = 'SignatureError';

  constructor(
    readonly fault: SignatureFault,
    options?: ErrorOptions,
  ) {
    super(`webhook refused: ${fault}`, options);
  }
}

/**
 * Nobody can say whether the signature is good: Gemini may sign with a secret that is not in
 * the vault yet, or not sign any more with this one. The sender should try again.
 */
export class SecretsUnsettledError extends Error {
  override readonly name = 'SecretsUnsettledError';
}
