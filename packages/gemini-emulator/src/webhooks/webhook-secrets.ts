import { invalid } from '../api-error.js';
import type { Clock } from '../clock.js';
import { signingSecret, truncatedSecret } from '../ids.js';
import type { Json } from '../json.js';

/** Time for which a rotated secret still signs, unless it is revoked at once. */
const OVERLAP_MS = 24 * 3600 * 1000;

interface Secret {
  readonly value: string;
  /** Emulated Unix ms; undefined for the newest secret. */
  expiresMs?: number;
}

/** The secrets of one static webhook. After a rotation several are live, and each delivery is signed with all of them. */
export class WebhookSecrets {
  /** Newest first. */
  private secrets: Secret[] = [];

  constructor(private readonly clock: Clock) {
    this.secrets = [{ value: signingSecret() }];
  }

  /** Newest first. */
  live(): string[] {
    return this.unexpired().map((secret) => secret.value);
  }

  /** The secrets as GET and LIST show them: truncated. */
  shown(): Json[] {
    return this.unexpired().map(({ value, expiresMs }) => ({
      truncated_secret: truncatedSecret(value),
      ...(expiresMs === undefined
        ? {}
        : { expire_time: new Date(expiresMs).toISOString() }),
    }));
  }

  /** @param behavior the API's `revocation_behavior`. @returns the new secret. @throws {ApiError} 400 for another behavior */
  rotate(behavior = 'revoke_previous_secrets_after_h24'): string {
    if (behavior === 'revoke_previous_secrets_immediately') this.secrets = [];
    else if (behavior !== 'revoke_previous_secrets_after_h24') {
      throw invalid(`Invalid value at 'revocation_behavior': "${behavior}"`);
    }
    const expiresMs = this.clock.now() + OVERLAP_MS;
    for (const old of this.secrets) old.expiresMs ??= expiresMs;
    const value = signingSecret();
    this.secrets.unshift({ value });
    return value;
  }

  private unexpired(): Secret[] {
    const nowMs = this.clock.now();
    this.secrets = this.secrets.filter(
      ({ expiresMs }) => expiresMs === undefined || expiresMs > nowMs,
    );
    return this.secrets;
  }
}
