import {
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import type { Config } from '../config/config.js';
import { MONOTONIC_CLOCK, type Clock } from '../infrastructure/timing/clock.js';
import { runEvery } from '../infrastructure/timing/run-every.js';
import { DocumentCache } from './document/document-cache.js';
import { DocumentWriter, type DocumentEdit } from './document/document-writer.js';
import { SecretSealer } from './document/secret-sealer.js';
import { SecretUsage } from './document/secret-usage.js';
import { areSecretsHeld } from './reconcile-state.js';
import {
  LATE_MS,
  withResealed,
  type SealedSecret,
  type SecretsDocument,
} from './secrets-document.js';
import type { SecretsStore } from './secrets-store.js';
import type { UnsealedSecret } from './unsealed-secrets.js';

/** How long `load` retries, because a Redis client may still be connecting. */
const OPEN_WITHIN_MS = 3000;
const OPEN_PAUSE_MS = 100;
const USES_EVERY_MS = 15_000;

/**
 * The signing secrets of static webhooks: sealed in the store, unsealed in this process.
 *
 * Gemini shows a secret once, so the document in the store is the only copy beside the memory of
 * the replicas. Every replica polls the store.
 */
export class SigningSecrets implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(SigningSecrets.name);
  private readonly shutdown = new AbortController();
  private readonly isEnsuring: boolean;
  private readonly sealer: SecretSealer;
  private readonly cache: DocumentCache;
  private readonly writer: DocumentWriter;
  private readonly usage: SecretUsage;

  /** @param store undefined without `VAULT_KEYS_FILE`: then there are no stored secrets. */
  constructor(
    private readonly store: SecretsStore | undefined,
    { vault, webhooks }: Pick<Config, 'vault' | 'webhooks'>,
    private readonly clock: Clock = MONOTONIC_CLOCK,
  ) {
    this.isEnsuring = store !== undefined && webhooks.mode === 'ensure';
    this.sealer = new SecretSealer(vault.keysFile);
    this.cache = new DocumentCache(store, () => this.sealer.keys, clock);
    this.writer = new DocumentWriter(store, this.cache, clock);
    this.usage = new SecretUsage(this.cache, this.writer);
  }

  async onApplicationBootstrap(): Promise<void> {
    if (!this.store) return;
    // Without a first read `isStale` is true, and deliveries are answered 503
    await this.cache.readStore().catch(() => undefined);
    const pace = {
      signal: this.shutdown.signal,
      onError: () => undefined, // `troubles` reports it
    };
    void runEvery(() => this.cache.readStore(), { ...pace, everyMs: this.store.pollMs });
    void runEvery(() => this.usage.storeUses(), { ...pace, everyMs: USES_EVERY_MS });
  }

  /**
   * Reads the document once, for a process that does not poll (the CLI).
   *
   * @throws {SecretsUnavailableError} when it cannot be read within `OPEN_WITHIN_MS`.
   */
  async load(): Promise<void> {
    if (!this.store) return;
    const deadline = this.clock.now() + OPEN_WITHIN_MS;
    for (;;) {
      try {
        await this.cache.readStore();
        return;
      } catch (error) {
        if (this.clock.now() > deadline) throw error;
        await this.clock.sleep(OPEN_PAUSE_MS);
      }
    }
  }

  onApplicationShutdown(): void {
    this.shutdown.abort();
    this.sealer.close();
    this.store?.close();
  }

  get configured(): boolean {
    return this.store !== undefined;
  }

  /** The document of the last read or write. */
  get document(): SecretsDocument {
    return this.cache.document;
  }

  /** Why the store cannot be read, and one message for each secret that cannot be unsealed. */
  get troubles(): readonly string[] {
    return this.cache.troubles;
  }

  /** The secrets that Gemini signs with at `now` (Unix ms), or signed with `LATE_MS` ago. */
  live(now: number): readonly UnsealedSecret[] {
    return this.cache.secrets.filter(({ expiresAt }) => expiresAt + LATE_MS > now);
  }

  /** True if the last read is so old that a secret may have been revoked since. */
  get isStale(): boolean {
    return this.cache.isStale;
  }

  /** True if Gemini may sign with a secret that is not stored. */
  mayLackSecret(now: number): boolean {
    const { unsettled, lostUntil } = this.document;
    if (unsettled.length > 0 || lostUntil > now) return true;
    // The reconciler has secrets of declared webhooks reissued if they are not stored
    return this.isEnsuring && !areSecretsHeld(this.document);
  }

  /**
   * True if Gemini may have stopped signing with the secret: it expired, its webhook is gone for
   * `LATE_MS`, or a pending issuance revokes it.
   */
  mayBeInvalid({ webhookId, expiresAt }: UnsealedSecret, now: number): boolean {
    const { unsettled, webhooks } = this.document;
    if (expiresAt <= now) return true;
    if ((webhooks[webhookId]?.goneAt ?? now) + LATE_MS <= now) return true;
    return unsettled.some((each) => each.webhookId === webhookId && each.revokes);
  }

  /**
   * Resolves after a read of the store that began after this call. Concurrent calls share it.
   *
   * @throws {SecretsUnavailableError} when the read fails, or too many calls wait already.
   */
  refresh(): Promise<void> {
    return this.cache.refresh();
  }

  /** When this process last verified a delivery with a secret, by key id; Unix ms. */
  get uses(): ReadonlyMap<string, number> {
    return this.usage.times;
  }

  /** Records that the secret verified a delivery at `now`, Unix ms. */
  recordUse(keyId: string, now: number): void {
    this.usage.recordUse(keyId, now);
  }

  /**
   * Reads, edits and writes the document. It repeats that if another process wrote meanwhile, so
   * `edit` may be called more than once.
   *
   * @param edit returns the new document, or the same object to change nothing.
   * @returns the document that is stored now.
   * @throws {SecretsUnavailableError} the write may have been done all the same; it can be repeated.
   */
  updateDocument(edit: DocumentEdit): Promise<SecretsDocument> {
    return this.writer.update(edit);
  }

  /** Like `updateDocument`, but repeats the update for a minute while the store does not answer. */
  updatePersistently(edit: DocumentEdit): Promise<void> {
    return this.writer.updatePersistently(edit);
  }

  /**
   * Seals a secret for `webhookId`.
   *
   * @throws {Error} for text that is not a webhook secret; the message does not contain it.
   */
  seal(secret: string, webhookId: string, issuedAt: number): Promise<SealedSecret> {
    return this.sealer.seal(secret, webhookId, issuedAt);
  }

  /** Reseals all secrets under the newest key, so that older keys can be removed from `VAULT_KEYS_FILE`. */
  async resealAll(): Promise<void> {
    for (const [webhookId, { secrets }] of Object.entries(this.document.webhooks)) {
      for (const secret of secrets) await this.reseal(webhookId, secret);
    }
  }

  private async reseal(webhookId: string, secret: SealedSecret): Promise<void> {
    // A secret that cannot be unsealed stays as it is; `troubles` reports it
    const resealed = await this.sealer.reseal(webhookId, secret).catch(() => secret);
    if (resealed === secret) return;
    await this.updateDocument((document) =>
      withResealed(document, webhookId, secret.sealed, resealed.sealed),
    );
    const { keyId } = secret;
    this.logger.log({
      message: 'secret resealed under the newest key',
      webhookId,
      keyId,
    });
  }
}
