import type { VerificationTools } from '../verification-tools.js';
import {
  claimsIn,
  jwsHeaderIn,
  timeText,
  type CapturedDelivery,
} from './captured-delivery.js';

export function explainAudience(
  { signature }: CapturedDelivery,
  { config }: VerificationTools,
): string {
  const { audience } = config.token;
  if (audience === undefined) {
    return 'the signature is a JWT, and JWT_AUDIENCE is not set: the bridge refuses all JWTs, because it could not tell one for another service';
  }
  const { aud } = claimsIn(signature);
  const names = aud === undefined ? 'no audience' : JSON.stringify(aud);
  return `the JWT names ${names}, and JWT_AUDIENCE is ${audience}`;
}

export function explainExpired(
  { signature, nowMs }: CapturedDelivery,
  { config }: VerificationTools,
): string {
  const { iat, exp } = claimsIn(signature);
  const { maxAgeSeconds } = config.token;
  return `the JWT was issued ${claimText('iat', iat)} and expires ${claimText('exp', exp)}: at ${timeText(nowMs)} it has expired, or is older than JWT_MAX_AGE_SECONDS=${maxAgeSeconds}`;
}

export function explainInvalid(
  { signature, nowMs }: CapturedDelivery,
  { config }: VerificationTools,
): string {
  const { alg, kid } = jwsHeaderIn(signature);
  if (alg !== 'RS256') return `the alg of the JWT is ${alg}; want RS256`;
  if (!kid) return 'the JWT names no key (kid)';
  const claims = claimsIn(signature);
  const missing = ['exp', 'iat'].filter((name) => claims[name] === undefined);
  if (missing.length > 0) return `the JWT has no ${missing.join(' and no ')}`;
  const { issuer } = config.token;
  if (issuer !== undefined && claims.iss !== issuer) {
    const names = claims.iss === undefined ? 'no issuer' : JSON.stringify(claims.iss);
    return `the JWT names ${names}, and JWT_ISSUER is ${issuer}`;
  }
  return `the JWT was issued ${claimText('iat', claims.iat)}, after ${timeText(nowMs)}, or one of its claims is malformed`;
}

function claimText(name: string, seconds: unknown): string {
  return typeof seconds === 'number' ? timeText(seconds * 1000) : `without ${name}`;
}
