/** The reason of a refusal. It is a metric label too: keep the set small. */
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

/** A delivery whose signature was refused. The error has no body and no secret and is safe to log. */
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
 * The signature can be neither accepted nor refused yet. Gemini may sign with a secret that is
 * not stored yet, or may have revoked the secret that matched. Gemini should retry the delivery.
 */
export class SecretsUnsettledError extends Error {
  override readonly name = 'SecretsUnsettledError';
}
