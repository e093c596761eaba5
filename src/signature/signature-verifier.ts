import type { IncomingHttpHeaders } from 'node:http';
import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { Metrics } from '../infrastructure/metrics/metrics.js';
import type { UnsealedSecret } from '../signing-secrets/unsealed-secrets.js';
import { SigningSecrets } from '../signing-secrets/signing-secrets.js';
import { SecretsUnavailableError } from '../signing-secrets/secrets-store.js';
import { parseSecret, type WebhookSecret } from '../signing-secrets/webhook-secret.js';
import {
  entries,
  namingSetting,
  WatchedFile,
} from '../infrastructure/files/watched-file.js';
import { verifyCapability, type Capability } from './capability.js';
import { CapabilityKeyring } from './capability-keyring.js';
import { GoogleKeys } from './schemes/google-keys.js';
import { verifyHmac } from './schemes/hmac-signature.js';
import type { Proof } from './proof.js';
import { verifyPublicKey } from './schemes/ed25519-signature.js';
import { signatureHeader, signatureHeaders } from './schemes/signature-headers.js';
import { SecretsUnsettledError, SignatureError } from './signature.error.js';
import { isToken, MAX_TOKEN_LENGTH, verifyToken } from './schemes/jws-signature.js';

/** Decides by the route, then by the header's shape, which proof a delivery has to bring. */
@Injectable()
export class SignatureVerifier implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly fixedSecrets: readonly WebhookSecret[];
  private readonly fileSecrets: WatchedFile<WebhookSecret[]> | undefined;
  private readonly googleKeys: GoogleKeys;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly capabilityKeys: CapabilityKeyring,
    private readonly vault: SigningSecrets,
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
    metrics.observeKeys('google', this.googleKeys);
  }

  /**
   * Undefined when Google's keys are there or nobody needs them, else why not. Only of a process
   * that never had them: one that is started where they cannot be reached must not take the place
   * of one that has them.
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
    return this.config.signature.capabilityKeysFile !== undefined;
  }

  /**
   * A static webhook: `v1` and nothing else. A promise only where the vault has to be read: what
   * matches no secret may be signed with one that is a moment old.
   *
   * @throws {SignatureError | SecretsUnsettledError | SecretsUnavailableError}
   */
  verifyStatic(
    headers: IncomingHttpHeaders,
    body: Buffer,
    nowMs: number,
  ): Proof | Promise<Proof> {
    try {
      return this.verified(headers, body, nowMs);
    } catch (error) {
      if (this.vault.configured && isMismatch(error)) {
        return this.verifiedLater(headers, body, nowMs);
      }
      throw error;
    }
  }

  /** The fingerprints of the secrets that static deliveries are verified with. */
  secretIds(nowMs: number): string[] {
    return this.secrets(this.vault.live(nowMs)).map(({ keyId }) => keyId);
  }

  /** What a delivery of our own is signed with: of the vault's secrets one that does not end. */
  signingSecret(nowMs: number): WebhookSecret | undefined {
    const good = this.vault
      .live(nowMs)
      .filter((secret) => !this.vault.isDoubtful(secret, nowMs));
    const lasting = good.filter(({ expiresAt }) => expiresAt === Infinity);
    return this.secrets([...lasting, ...good])[0];
  }

  private async verifiedLater(
    headers: IncomingHttpHeaders,
    body: Buffer,
    nowMs: number,
  ): Promise<Proof> {
    await this.vault.refresh();
    try {
      return this.verified(headers, body, nowMs);
    } catch (error) {
      if (!isMismatch(error)) throw error;
      if (this.vault.isUnsettled(nowMs))
        throw new SecretsUnsettledError('a secret is not sealed yet');
      const [trouble] = this.vault.troubles;
      throw trouble === undefined ? error : new SecretsUnavailableError(trouble);
    }
  }

  private verified(headers: IncomingHttpHeaders, body: Buffer, nowMs: number): Proof {
    const vaulted = this.vault.live(nowMs);
    const given = this.secrets(vaulted);
    const proof = verifyHmac(body, signatureHeaders(headers), given, nowMs);
    const used = vaulted.find(({ keyId }) => keyId === proof.keyId);
    if (used) {
      this.assertBelieved(used, nowMs);
      this.vault.recordUse(used.keyId, nowMs);
    }
    return proof;
  }

  private secrets(vaulted: readonly UnsealedSecret[]): WebhookSecret[] {
    return [...this.fixedSecrets, ...(this.fileSecrets?.value ?? []), ...vaulted];
  }

  /** What may be no good by now is not believed, and not refused either. */
  private assertBelieved(secret: UnsealedSecret, nowMs: number): void {
    if (this.vault.isStale) {
      throw new SecretsUnavailableError('the vault was not read for long');
    }
    if (this.vault.isDoubtful(secret, nowMs)) {
      throw new SecretsUnsettledError('the secret is dead, or about to be');
    }
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
    this.googleKeys.close();
    this.fileSecrets?.close();
  }
}

function isMismatch(error: unknown): boolean {
  return error instanceof SignatureError && error.fault === 'signature-mismatch';
}

function parseSecrets(texts: readonly string[]): WebhookSecret[] {
  if (texts.length === 0) throw new Error('there is no webhook secret');
  return texts.map((text) => parseSecret(text.trim()));
}
