/** Which kind of signature accounted for a delivery. */
export type SignatureScheme = 'v1' | 'v1a' | 'jws';

/** What a signature established. Everything in it is covered by the signature. */
export interface Proof {
  readonly scheme: SignatureScheme;
  /**
   * One per event, the same on every retry: the `webhook-id` of `v1` and `v1a`, the `jti`
   * of a token, else a hash of the token.
   */
  readonly id: string;
  /** Unix time in seconds, as sent: `webhook-timestamp`, or a token's `iat`. */
  readonly timestamp: string;
  /** The header that carried the signature, so that a subscriber can verify again. */
  readonly signature: string;
  /** Names the key that matched without revealing it. */
  readonly keyId: string;
  /** The bytes that are accounted for: the body, or the event that a token's claims hold. */
  readonly body: Buffer;
  /** False for a token that says nothing about the body: `body` is then only a claim. */
  readonly bodyBound: boolean;
}
