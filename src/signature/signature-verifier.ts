import type { IncomingHttpHeaders } from 'node:http';
import {
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import type { SignatureConfig, TokenConfig } from '../config/config.js';
import { InjectConfig } from '../config/inject-config.js';
import { Metrics } from '../infrastructure/metrics/metrics.js';
import type { UnsealedSecret } from '../signing-secrets/unsealed-secrets.js';
import { SigningSecrets } from '../signing-secrets/signing-secrets.js';
import { SecretsUnavailableError } from '../signing-secrets/secrets-store.js';
import {
  parseSecretLines,
  parseSecretList,
  type WebhookSecret,
} from '../signing-secrets/webhook-secret.js';
import { namingSetting, WatchedFile } from '../infrastructure/files/watched-file.js';
import { verifyCapability, type Capability } from './capability.js';
import { CapabilityKeyring } from './capability-keyring.js';
import { GoogleKeys } from './schemes/google-keys.js';
import { verifyHmac } from './schemes/hmac-signature.js';
import type { Proof } from './proof.js';
import { verifyPublicKey } from './schemes/ed25519-signature.js';
import { signatureHeader, signatureHeaders } from './schemes/signature-headers.js';
import { SecretsUnsettledError, SignatureError } from './signature.error.js';
import { isToken, MAX_TOKEN_LENGTH, verifyToken } from './schemes/jws-signature.js';

export { isToken };

/**
 * Verifies deliveries. The route decides between a static and a dynamic webhook; for a dynamic
 * one the form of the signature header decides between `v1a` and a token.
 */
@Injectable()
export class SignatureVerifier implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly fixedSecrets: readonly WebhookSecret[];
  private readonly fileSecrets: WatchedFile<WebhookSecret[]> | undefined;
  private readonly googleKeys: GoogleKeys;

  constructor(
    @InjectConfig('signature') private readonly signatureConfig: SignatureConfig,
    @InjectConfig('token') private readonly tokenConfig: TokenConfig,
    private readonly capabilityKeys: CapabilityKeyring,
    private readonly signingSecrets: SigningSecrets,
    metrics: Metrics,
  ) {
    const { secrets, secretsFile, jwksUrl, jwksStaleMs } = signatureConfig;
    this.fixedSecrets =
      secrets === undefined
        ? []
        : namingSetting('WEBHOOK_SECRETS', () => parseSecretList(secrets));
    this.fileSecrets =
      secretsFile === undefined
        ? undefined
        : new WatchedFile('WEBHOOK_SECRETS_FILE', secretsFile, parseSecretLines);
    this.googleKeys = new GoogleKeys(jwksUrl, jwksStaleMs);
    metrics.observeKeys('google', this.googleKeys);
  }

  /**
   * The reason why this process cannot verify yet; undefined when it can. It is set only until
   * Google's keys were read for the first time: in a rollout, a new process that cannot reach
   * them must not replace an old one that has them.
   */
  get unready(): string | undefined {
    return this.needsGoogleKeys && this.googleKeys.ageSeconds < 0
      ? "Google's keys (JWKS_URL) were not read yet"
      : undefined;
  }

  onApplicationBootstrap(): void {
    if (this.needsGoogleKeys) this.googleKeys.keepFresh();
  }

  private get needsGoogleKeys(): boolean {
    return this.signatureConfig.capabilityKeysFile !== undefined;
  }

  /**
   * Verifies a delivery of a static webhook, which has a `v1` signature.
   *
   * @returns a promise only if no known secret matches and the store has to be read: another
   *   replica may just have stored the secret.
   * @throws {SignatureError} the signature is refused.
   * @throws {SecretsUnsettledError | SecretsUnavailableError} the bridge cannot decide now.
   */
  verifyStatic(
    headers: IncomingHttpHeaders,
    body: Buffer,
    nowMs: number,
  ): Proof | Promise<Proof> {
    try {
      return this.verifyWithKnownSecrets(headers, body, nowMs);
    } catch (error) {
      if (this.signingSecrets.configured && isMismatch(error)) {
        return this.verifyAfterRefresh(headers, body, nowMs);
      }
      throw error;
    }
  }

  /**
   * Verifies a delivery of a dynamic webhook: first the path token, then the `v1a` signature or
   * Google's token.
   *
   * @throws {SignatureError} the path token or the signature is refused.
   * @throws {KeysUnavailableError} when Google's keys cannot be read.
   */
  async verifyDynamic(
    pathToken: string,
    headers: IncomingHttpHeaders,
    body: Buffer,
    nowMs: number,
  ): Promise<{ proof: Proof; capability: Capability }> {
    const capability = await verifyCapability(pathToken, this.capabilityKeys.value);
    const header = signatureHeader(headers, MAX_TOKEN_LENGTH);
    const proof = isToken(header)
      ? await verifyToken(body, header, this.googleKeys, this.tokenConfig, nowMs)
      : await verifyPublicKey(body, signatureHeaders(headers), this.googleKeys, nowMs);
    return { proof, capability };
  }

  /** The secrets that verify static deliveries. */
  staticSecrets(nowMs: number): WebhookSecret[] {
    return this.secrets(this.signingSecrets.live(nowMs));
  }

  /** The secret that signs the CLI's own deliveries. A stored secret without an end comes first. */
  signingSecret(nowMs: number): WebhookSecret | undefined {
    const valid = this.signingSecrets
      .live(nowMs)
      .filter((secret) => !this.signingSecrets.mayBeInvalid(secret, nowMs));
    const lasting = valid.filter(({ expiresAt }) => expiresAt === Infinity);
    return this.secrets([...lasting, ...valid])[0];
  }

  private async verifyAfterRefresh(
    headers: IncomingHttpHeaders,
    body: Buffer,
    nowMs: number,
  ): Promise<Proof> {
    await this.signingSecrets.refresh();
    try {
      return this.verifyWithKnownSecrets(headers, body, nowMs);
    } catch (error) {
      if (!isMismatch(error)) throw error;
      if (this.signingSecrets.mayLackSecret(nowMs))
        throw new SecretsUnsettledError('the bridge may lack a secret of Gemini');
      const [trouble] = this.signingSecrets.troubles;
      throw trouble === undefined ? error : new SecretsUnavailableError(trouble);
    }
  }

  private verifyWithKnownSecrets(
    headers: IncomingHttpHeaders,
    body: Buffer,
    nowMs: number,
  ): Proof {
    const stored = this.signingSecrets.live(nowMs);
    const proof = verifyHmac(
      body,
      signatureHeaders(headers),
      this.secrets(stored),
      nowMs,
    );
    const used = stored.find(({ keyId }) => keyId === proof.keyId);
    if (used) {
      this.assertTrusted(used, nowMs);
      this.signingSecrets.recordUse(used.keyId, nowMs);
    }
    return proof;
  }

  private secrets(stored: readonly UnsealedSecret[]): WebhookSecret[] {
    return [...this.fixedSecrets, ...(this.fileSecrets?.value ?? []), ...stored];
  }

  /** A secret that may be revoked neither verifies a delivery nor refuses it: Gemini retries. */
  private assertTrusted(secret: UnsealedSecret, nowMs: number): void {
    if (this.signingSecrets.isStale) {
      throw new SecretsUnavailableError('the vault could not be read for a minute');
    }
    if (this.signingSecrets.mayBeInvalid(secret, nowMs)) {
      throw new SecretsUnsettledError('the secret that matches may be revoked');
    }
  }

  onModuleDestroy(): void {
    this.googleKeys.close();
    this.fileSecrets?.close();
  }
}

function isMismatch(error: unknown): boolean {
  return error instanceof SignatureError && error.fault === 'signature-mismatch';
}
