import type { IncomingHttpHeaders } from 'node:http';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { CONFIG, type Config } from '../config.js';
import { Metrics } from '../metrics/metrics.js';
import { entries, namingSetting, WatchedFile } from '../watched-file.js';
import { verifyCapability, type Capability } from './capability.js';
import { CapabilityKeyring } from './capability-keyring.js';
import { GoogleKeys } from './google-keys.js';
import { parseSecret, verifyHmac, type WebhookSecret } from './hmac-signature.js';
import type { Proof } from './proof.js';
import { verifyPublicKey } from './public-key-signature.js';
import { signatureHeader, signatureHeaders } from './signature-headers.js';
import { isToken, MAX_TOKEN_LENGTH, verifyToken } from './token-signature.js';

/** Decides by the route, then by the header's shape, which proof a delivery has to bring. */
@Injectable()
export class SignatureVerifier implements OnModuleDestroy {
  private readonly fixedSecrets: readonly WebhookSecret[];
  private readonly fileSecrets: WatchedFile<WebhookSecret[]> | undefined;
  private readonly googleKeys: GoogleKeys;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly capabilityKeys: CapabilityKeyring,
    metrics: Metrics,
  ) {
    const { secrets, secretsFile, jwksUrl, jwksStaleMs } = config.signature;
    this.fixedSecrets =
      secrets === undefined
        ? []
        : namingSetting('WEBHOOK_SECRETS', () => parseSecrets(secrets.split(',')));
    this.fileSecrets =
      secretsFile === undefined
        ? undefined
        : new WatchedFile('WEBHOOK_SECRETS_FILE', secretsFile, (text) =>
            parseSecrets(entries(text)),
          );
    this.googleKeys = new GoogleKeys(jwksUrl, jwksStaleMs);
    metrics.observe(
      'jwks_age_seconds',
      "Since Google's keys were read; -1 for never",
      () => this.googleKeys.ageSeconds,
    );
  }

  /** A static webhook: `v1` and nothing else. */
  verifyStatic(headers: IncomingHttpHeaders, body: Buffer, nowMs: number): Proof {
    const secrets = [...this.fixedSecrets, ...(this.fileSecrets?.value ?? [])];
    return verifyHmac(body, signatureHeaders(headers), secrets, nowMs);
  }

  /** A dynamic webhook: the path token first, then `v1a` or a token of Google's. */
  async verifyDynamic(
    pathToken: string,
    headers: IncomingHttpHeaders,
    body: Buffer,
    nowMs: number,
  ): Promise<{ proof: Proof; capability: Capability }> {
    const capability = await verifyCapability(pathToken, this.capabilityKeys.value);
    const header = signatureHeader(headers, MAX_TOKEN_LENGTH);
    const proof = isToken(header)
      ? await verifyToken(body, header, this.googleKeys, this.config.token, nowMs)
      : await verifyPublicKey(body, signatureHeaders(headers), this.googleKeys, nowMs);
    return { proof, capability };
  }

  onModuleDestroy(): void {
    this.fileSecrets?.close();
  }
}

function parseSecrets(texts: readonly string[]): WebhookSecret[] {
  if (texts.length === 0) throw new Error('there is no webhook secret');
  return texts.map((text) => parseSecret(text.trim()));
}
