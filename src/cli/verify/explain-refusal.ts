import type { SignatureFault } from '../../signature/signature.error.js';
import type { VerificationTools } from '../verification-tools.js';
import type { CapturedDelivery } from './captured-delivery.js';
import { explainMalformed, explainMissing, explainStale } from './explain-headers.js';
import { explainMismatch } from './explain-mismatch.js';
import { explainPathToken } from './explain-path-token.js';
import { explainAudience, explainExpired, explainInvalid } from './explain-token.js';

type Explanation = (
  delivery: CapturedDelivery,
  tools: VerificationTools,
) => string | Promise<string>;

const EXPLANATIONS: Readonly<Record<SignatureFault, Explanation>> = {
  'header-missing': explainMissing,
  'header-malformed': explainMalformed,
  'timestamp-stale': explainStale,
  'capability-invalid': explainPathToken,
  'signature-mismatch': explainMismatch,
  'token-audience': explainAudience,
  'token-expired': explainExpired,
  'token-invalid': explainInvalid,
  'body-mismatch': () =>
    'the claims of the token differ from the body, or are the hash of another body: the body was altered',
  'body-unconfirmed': () => 'the token does not cover the body',
};

/** Explains why the signature of a delivery is refused. */
export function explainRefusal(
  fault: SignatureFault,
  delivery: CapturedDelivery,
  tools: VerificationTools,
): string | Promise<string> {
  return EXPLANATIONS[fault](delivery, tools);
}
