import type { VerificationTools } from '../verification-tools.js';
import { jwsHeaderIn, type CapturedDelivery } from './captured-delivery.js';

export function explainPathToken(
  { pathToken = '' }: CapturedDelivery,
  { capabilityKeys }: VerificationTools,
): string {
  const keys = capabilityKeys.value;
  if (keys.size === 0) {
    return 'the path has a token of a job, and CAPABILITY_KEYS_FILE is not set: no key can verify it';
  }
  const { kid } = jwsHeaderIn(pathToken);
  if (kid === undefined) return 'the last part of the path is no token of a bridge';
  return keys.has(kid)
    ? `the key ${kid} did not sign the token in the path: the token was altered, or another bridge has another key of that name`
    : `the token in the path was signed with the key ${kid}, which CAPABILITY_KEYS_FILE does not have (it has ${[...keys.keys()].join(', ')})`;
}
