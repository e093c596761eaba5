import { createHash, randomUUID } from 'node:crypto';
import type { JWTPayload } from 'jose';
import type { Clock } from '../clock.js';
import type { Delivery } from './delivery.js';
import type { EmulatorOptions, JwtOptions } from '../options.js';
import { signV1, type GoogleKeys } from './signing.js';

/** Assumption: the `User-Agent` of Google's sender is not published. */
const USER_AGENT = 'gemini-webhooks-emulator';

/** Makes the headers of an attempt, with its signature. */
export class DeliverySigner {
  constructor(
    private readonly options: EmulatorOptions,
    private readonly clock: Clock,
    private readonly keys: GoogleKeys,
  ) {}

  async headers(delivery: Delivery): Promise<Record<string, string>> {
    const timestamp = this.timestamp(delivery);
    return {
      'Content-Type': 'application/json',
      'Content-Length': String(Buffer.byteLength(delivery.body)),
      'User-Agent': USER_AGENT,
      'Webhook-Id': delivery.webhookId,
      'Webhook-Timestamp': String(timestamp),
      'Webhook-Signature': await this.signature(delivery, timestamp),
    };
  }

  private async signature(delivery: Delivery, timestamp: number): Promise<string> {
    const { webhook, webhookId, body } = delivery;
    if (webhook) {
      return signV1(webhook.secrets.live(), webhookId, timestamp, body);
    }
    const { dynamic, jwt } = this.options;
    const entries: string[] = [];
    if (dynamic !== 'jwt') entries.push(this.keys.signV1a(webhookId, timestamp, body));
    if (dynamic !== 'v1a') {
      entries.push(await this.keys.signJwt(this.claims(delivery, timestamp, jwt)));
    }
    return entries.join(' ');
  }

  /** Seconds on the wall clock, because the receiver compares them with its own clock. */
  private timestamp(delivery: Delivery): number {
    const seconds = Math.floor(Date.now() / 1000);
    delivery.firstTimestamp ??= seconds;
    const { timestamps, timestampOffsetSeconds } = this.options;
    if (timestamps === 'fresh') return seconds + timestampOffsetSeconds;
    const emulatedAge = Math.floor((this.clock.now() - delivery.startedMs) / 1000);
    const ahead = Math.max(0, emulatedAge - (seconds - delivery.firstTimestamp) - 1);
    return delivery.firstTimestamp - ahead + timestampOffsetSeconds;
  }

  private claims(delivery: Delivery, timestamp: number, jwt: JwtOptions): JWTPayload {
    const { webhookId, url, body, envelope, userMetadata } = delivery;
    const { issuer, subject, lifetimeSeconds, eventInClaims, eventClaim } = jwt;
    const audience = jwt.audience ?? url;
    const hash = createHash('sha256').update(body).digest('hex');
    const event = eventClaim === undefined ? envelope : { [eventClaim]: envelope };
    return {
      ...(issuer ? { iss: issuer } : {}),
      ...(audience ? { aud: audience } : {}),
      ...(subject ? { sub: subject } : {}),
      iat: timestamp,
      ...(lifetimeSeconds > 0 ? { exp: timestamp + lifetimeSeconds } : {}),
      ...(jwt.jti === 'none'
        ? {}
        : { jti: jwt.jti === 'random' ? randomUUID() : webhookId }),
      ...(eventInClaims ? event : {}),
      ...(jwt.bodyHash ? { [jwt.bodyHashClaim]: hash } : {}),
      ...(this.options.userMetadata === 'claims' && userMetadata
        ? { user_metadata: userMetadata }
        : {}),
    };
  }
}
