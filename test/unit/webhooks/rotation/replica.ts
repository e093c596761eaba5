import { randomBytes } from 'node:crypto';
import type { Config } from '../../../../src/config/config.js';
import { GeminiError } from '../../../../src/gemini/gemini.error.js';
import {
  withPendingIssuance,
  type PendingIssuance,
} from '../../../../src/signing-secrets/secrets-document.js';
import type { SecretsStore } from '../../../../src/signing-secrets/secrets-store.js';
import { SigningSecrets } from '../../../../src/signing-secrets/signing-secrets.js';
import { parseSecret } from '../../../../src/signing-secrets/webhook-secret.js';
import { GeminiWebhooks } from '../../../../src/webhooks/gemini/gemini-webhooks.client.js';
import { IssuanceRecovery } from '../../../../src/webhooks/rotation/issuance-recovery.js';
import { SecretRotator } from '../../../../src/webhooks/rotation/secret.rotator.js';
import type { IssuingGemini } from '../../../support/issuing-gemini.js';
import { SkippingClock } from '../../../support/manual-clock.js';
import { temporaryFile, type TemporaryFile } from '../../../support/temporary-file.js';

export const NEW = { name: 'main', uri: 'https://bridge.example/webhooks/gemini' };
export const W1 = { id: 'w1', ...NEW };

export const noAnswer = () => new GeminiError('Gemini did not answer', 'unknown');
export const refusal = (status: number, retryAfterSeconds?: number) =>
  new GeminiError(`Gemini answered ${status}`, 'refused', { status, retryAfterSeconds });

export const keyIds = (...secrets: string[]) =>
  secrets.map((secret) => parseSecret(secret).keyId);

export const vaultKeys = (): TemporaryFile =>
  temporaryFile(`k1:${randomBytes(32).toString('base64url')}`);

/** The parts of one replica that rotate webhooks. */
export class Replica {
  readonly rotator: SecretRotator;
  readonly recovery: IssuanceRecovery;

  private constructor(
    readonly signingSecrets: SigningSecrets,
    gemini: IssuingGemini,
  ) {
    const webhooks = new GeminiWebhooks(gemini);
    this.rotator = new SecretRotator(webhooks, signingSecrets);
    this.recovery = new IssuanceRecovery(webhooks, signingSecrets);
  }

  static async start(
    store: SecretsStore,
    keys: TemporaryFile,
    gemini: IssuingGemini,
  ): Promise<Replica> {
    const secrets = new SigningSecrets(
      store,
      {
        vault: { keysFile: keys.path },
        webhooks: {},
      } as Config,
      new SkippingClock(),
    );
    await secrets.load();
    return new Replica(secrets, gemini);
  }

  stop(): void {
    this.signingSecrets.onApplicationShutdown();
  }

  get pending(): readonly PendingIssuance[] {
    return this.signingSecrets.document.unsettled;
  }

  /** Key ids of the stored secrets, newest first. */
  get held(): string[] {
    return this.signingSecrets.live(Date.now()).map(({ keyId }) => keyId);
  }

  /** Leaves a pending issuance, as a replica does that died. */
  async leave(rest: Partial<PendingIssuance>): Promise<void> {
    const past = Date.now() - 200_000;
    const entry = {
      id: 'left',
      revokes: false,
      since: past,
      until: past,
      holder: 'dead',
      tries: 0,
      ...rest,
    };
    await this.signingSecrets.updateDocument((document) =>
      withPendingIssuance(document, entry),
    );
  }

  async forgetPending(): Promise<void> {
    await this.signingSecrets.updateDocument((document) => ({
      ...document,
      unsettled: [],
    }));
  }
}
