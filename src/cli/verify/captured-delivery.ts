import { decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose';
import { jobTokenIn } from '../../events/webhook-routes.js';
import { isToken } from '../../signature/signature-verifier.js';
import { CommandError } from '../terminal.js';
import type { Capture } from './capture.js';

/** A captured request, read as a delivery. */
export interface CapturedDelivery extends Capture {
  /** Without the query. */
  readonly path: string;
  /** Token of a job's path; undefined on the static route and on any other path. */
  readonly pathToken: string | undefined;
  /** `''` without `webhook-signature`. */
  readonly signature: string;
  /** The time as of which it is verified, Unix ms. */
  readonly nowMs: number;
}

/**
 * @param at RFC 3339, `now`, or `captured` for the time that the capture itself gives.
 * @throws {CommandError} for another text.
 */
export function captureAsDelivery(capture: Capture, at: string): CapturedDelivery {
  const path = capture.path.split('?', 1)[0] ?? '';
  const signature = capture.headers['webhook-signature'] ?? '';
  return {
    ...capture,
    path,
    pathToken: jobTokenIn(path),
    signature,
    nowMs: timeOf(at, capture, signature),
  };
}

function timeOf(at: string, capture: Capture, signature: string): number {
  if (at === 'now') return Date.now();
  if (at === 'captured') return capturedTime(capture, signature);
  const ms = Date.parse(at);
  if (!Number.isNaN(ms)) return ms;
  throw new CommandError(
    `--at: got ${at}; want a time of RFC 3339, now or captured. Remedy: write it like 2026-05-01T12:00:00Z`,
  );
}

/** When the request arrived, else when it was signed, else now. */
function capturedTime({ receivedAt, headers }: Capture, signature: string): number {
  const issuedAt = isToken(signature) ? claimsIn(signature).iat : undefined;
  const seconds = Number(issuedAt ?? headers['webhook-timestamp']);
  return receivedAt ?? (seconds > 0 && seconds < 1e12 ? seconds * 1000 : Date.now());
}

/** The claims of a JWT, unverified; `{}` for what is none. */
export function claimsIn(token: string): JWTPayload {
  return orUndefined(() => decodeJwt(token)) ?? {};
}

/** The header of a JWS, unverified; `{}` for what is none. */
export function jwsHeaderIn(token: string): ReturnType<typeof decodeProtectedHeader> {
  return orUndefined(() => decodeProtectedHeader(token)) ?? {};
}

/** ISO 8601, or the number for a time that no date has. */
export function timeText(ms: number): string {
  return Math.abs(ms) < 8.64e15 ? new Date(ms).toISOString() : `${ms} ms`;
}

export function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
