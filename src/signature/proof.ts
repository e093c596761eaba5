/** The kind of signature that verified a delivery. */
export type SignatureScheme = 'v1' | 'v1a' | 'jws';

/** The result of a verification. The signature covers every member, except `body` where `bodyBound` is false. */
export interface Proof {
  readonly scheme: SignatureScheme;
  /**
   * Identifies the event and is the same on every retry: the `webhook-id` of `v1` and `v1a`,
   * the `jti` of a token, or a hash of a token without `jti`.
   */
  readonly id: string;
  /** Unix time in seconds, as sent: `webhook-timestamp`, or a token's `iat`. */
  readonly timestamp: string;
  /** The header that carried the signature. A subscriber can verify with it again. */
  readonly signature: string;
  /** Fingerprint or `kid` of the key that matched. It does not reveal the key. */
  readonly keyId: string;
  /** The body, or the event that a token's claims hold. */
  readonly body: Buffer;
  /** False for a token whose claims do not cover the body. `body` is then unverified. */
  readonly bodyBound: boolean;
}
