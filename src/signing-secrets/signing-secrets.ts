import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { CONFIG, type Config } from '../config/config.js';
import { newest, parseKeyring, type Keyring } from '../infrastructure/files/keyring.js';
import { runEvery } from '../infrastructure/timing/run-every.js';
import { WatchedFile } from '../infrastructure/files/watched-file.js';
import { UnsealedSecrets, type UnsealedSecret } from './unsealed-secrets.js';
import { unseal, seal, sealKeyId } from './document/seal.js';
import {
  EMPTY,
  LATE_MS,
  parseSecretsDocument,
  withResealed,
  withUses,
  type SecretsDocument,
  type SealedSecret,
} from './secrets-document.js';
import { areSecretsHeld } from './reconcile-state.js';
import { newVersion, descendsFrom, merge } from './document/document-ancestry.js';
import {
  NEVER_WRITTEN,
  SecretsStore,
  SecretsUnavailableError,
  type StoredSecrets,
} from './secrets-store.js';
import { parseSecret } from './webhook-secret.js';

/** Least time between two reads that deliveries cause. Any sender can make deliveries that match no secret. */
const MIN_GAP_MS = 100;
/** How long `load` retries, because a Redis client may still be connecting. */
const OPEN_WITHIN_MS = 3000;
/** How long known secrets are trusted while the store cannot be read. One may have been revoked meanwhile. */
const TRUSTED_MS = 60_000;
const USES_EVERY_MS = 15_000;
/** At most this many deliveries wait for a read. `refresh` refuses more. */
const MAX_WAITING = 128;
/** Attempts of a compare-and-swap write. More conflicts than this are a fault. */
const MAX_TRIES = 20;

const NO_KEYS: Keyring = new Map();

/**
 * The signing secrets of static webhooks: sealed in the store, unsealed in this process.
 *
 * Gemini shows a secret once, so the document in the store is the only copy beside the memory of
 * the replicas. Every replica polls the store.
 */
@Injectable()
export class SigningSecrets implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(SigningSecrets.name);
  private readonly keyFile: WatchedFile<Keyring> | undefined;
  private readonly shutdown = new AbortController();
  private version = NEVER_WRITTEN.version;
  private current: SecretsDocument = EMPTY;
  private readonly unsealed = new UnsealedSecrets();
  private readonly isEnsuring: boolean;
  private wasRead = false;
  /** When this process last verified a delivery with a secret, by key id; Unix ms. */
  readonly uses = new Map<string, number>();
  private readFailure: string | undefined;
  private waiting = 0;
  /** Start of the last read that a delivery caused, on the clock of `performance.now()`. */
  private refreshedAt = -Infinity;
  /** End of the last successful read, on the same clock. */
  private readAt = -Infinity;
  private nextRefresh: Promise<void> | undefined;
  private lastAccess: Promise<void> = Promise.resolve();

  /** @param store undefined without `VAULT_KEYS_FILE`: then there are no stored secrets. */
  constructor(
    private readonly store: SecretsStore | undefined,
    @Inject(CONFIG) { vault, webhooks }: Config,
  ) {
    this.isEnsuring = store !== undefined && webhooks.mode === 'ensure';
    this.keyFile =
      vault.keysFile === undefined
        ? undefined
        : new WatchedFile('VAULT_KEYS_FILE', vault.keysFile, parseKeyring);
  }

  async onApplicationBootstrap(): Promise<void> {
    if (!this.store) return;
    // Without a first read `isStale` is true, and deliveries are answered 503
    await this.readStore().catch(() => undefined);
    const pace = {
      signal: this.shutdown.signal,
      onError: () => undefined, // `troubles` reports it
    };
    void runEvery(() => this.readStore(), { ...pace, everyMs: this.store.pollMs });
    void runEvery(() => this.storeUses(), { ...pace, everyMs: USES_EVERY_MS });
  }

  /**
   * Reads the document once, for a process that does not poll (the CLI).
   *
   * @throws {SecretsUnavailableError} when it cannot be read within `OPEN_WITHIN_MS`.
   */
  async load(): Promise<void> {
    if (!this.store) return;
    const deadline = performance.now() + OPEN_WITHIN_MS;
    for (;;) {
      try {
        await this.readStore();
        return;
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await delay(MIN_GAP_MS);
      }
    }
  }

  onApplicationShutdown(): void {
    this.shutdown.abort();
    this.keyFile?.close();
    this.store?.close();
  }

  get configured(): boolean {
    return this.store !== undefined;
  }

  /** The document of the last read or write. */
  get document(): SecretsDocument {
    return this.current;
  }

  /** Why the store cannot be read, and one message for each secret that cannot be unsealed. */
  get troubles(): readonly string[] {
    return [
      ...(this.readFailure === undefined ? [] : [this.readFailure]),
      ...this.unsealed.faults,
    ];
  }

  /** The secrets that Gemini signs with at `now` (Unix ms), or signed with `LATE_MS` ago. */
  live(now: number): readonly UnsealedSecret[] {
    return this.unsealed.secrets.filter(({ expiresAt }) => expiresAt + LATE_MS > now);
  }

  /** True if the last read is so old that a secret may have been revoked since. */
  get isStale(): boolean {
    return performance.now() > this.readAt + TRUSTED_MS;
  }

  /** Records that the secret verified a delivery at `now`, Unix ms. */
  recordUse(keyId: string, now: number): void {
    this.uses.set(keyId, now);
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
   * @throws {SecretsUnavailableError} when the read fails, or `MAX_WAITING` calls wait already.
   */
  async refresh(): Promise<void> {
    if (!this.store) return;
    if (this.waiting >= MAX_WAITING) {
      throw new SecretsUnavailableError(
        `${MAX_WAITING} deliveries that match no secret wait for the vault already`,
      );
    }
    this.waiting++;
    try {
      await (this.nextRefresh ??= this.refreshLater());
    } finally {
      this.waiting--;
    }
  }

  /**
   * Reads, edits and writes the document. It repeats that if another process wrote meanwhile, so
   * `edit` may be called more than once.
   *
   * @param edit returns the new document, or the same object to change nothing.
   * @returns the document that is stored now.
   * @throws {SecretsUnavailableError} the write may have been done all the same; it can be repeated.
   */
  async updateDocument(
    edit: (document: SecretsDocument) => SecretsDocument,
  ): Promise<SecretsDocument> {
    const { store } = this;
    if (!store) {
      throw new SecretsUnavailableError('there is no vault: set VAULT_KEYS_FILE');
    }
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      await this.readStore();
      const { document, version: since } = this;
      const edited = edit(document);
      if (edited === document) return document;
      const changed = newVersion(edited, document);
      const version = await store.writeDocument(JSON.stringify(changed), since);
      if (version !== undefined) {
        await this.oneAtATime(() => this.adoptOwnWrite(changed, version));
        return changed;
      }
    }
    throw new SecretsUnavailableError(
      `the vault was not written: other processes wrote it before each of ${MAX_TRIES} attempts`,
    );
  }

  /**
   * Seals a secret for `webhookId`.
   *
   * @throws {Error} for text that is not a webhook secret; the message does not contain it.
   */
  async seal(secret: string, webhookId: string, issuedAt: number): Promise<SealedSecret> {
    const { keyId } = parseSecret(secret);
    return { keyId, sealed: await seal(secret, webhookId, this.keys), issuedAt };
  }

  /**
   * Seals a stored secret again under the newest key.
   *
   * @returns the same object if the newest key sealed it.
   * @throws {SealError} when it cannot be unsealed.
   */
  async reseal(webhookId: string, secret: SealedSecret): Promise<SealedSecret> {
    const { keys } = this;
    const [kid] = newest(keys);
    if (sealKeyId(secret.sealed) === kid) return secret;
    const text = await unseal(secret.sealed, webhookId, keys);
    return { ...secret, sealed: await seal(text, webhookId, keys) };
  }

  /** Reseals all secrets under the newest key, so that older keys can be removed from `VAULT_KEYS_FILE`. */
  async resealAll(): Promise<void> {
    for (const [webhookId, { secrets }] of Object.entries(this.document.webhooks)) {
      for (const secret of secrets) await this.resealStored(webhookId, secret);
    }
  }

  private async resealStored(webhookId: string, secret: SealedSecret): Promise<void> {
    // A secret that cannot be unsealed stays as it is; `troubles` reports it
    const resealed = await this.reseal(webhookId, secret).catch(() => secret);
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

  private get gapMs(): number {
    return Math.max(MIN_GAP_MS, (this.store?.pollMs ?? 0) / 10);
  }

  private get keys(): Keyring {
    return this.keyFile?.value ?? NO_KEYS;
  }

  /** Stores when secrets were used, so that every replica can report it. */
  private async storeUses(): Promise<void> {
    if (withUses(this.document, this.uses) === this.document) return;
    await this.updateDocument((document) => withUses(document, this.uses));
  }

  /** Reads the store once `gapMs` passed since the last refresh. */
  private async refreshLater(): Promise<void> {
    // At least one turn of the event loop, in which other deliveries can join
    await delay(Math.max(0, this.refreshedAt + this.gapMs - performance.now()));
    await this.lastAccess;
    // The read begins now: a later call needs another one
    this.nextRefresh = undefined;
    this.refreshedAt = performance.now();
    await this.readStore();
  }

  private readStore(): Promise<void> {
    return this.oneAtATime(() => this.readAlone());
  }

  /** Runs reads and own writes in order, so an older document never replaces a newer one. */
  private oneAtATime(work: () => Promise<void>): Promise<void> {
    const access = this.lastAccess.then(work);
    this.lastAccess = access.catch(() => undefined);
    return access;
  }

  /** Adopts a document that this process wrote, unless a later version was read meanwhile. */
  private async adoptOwnWrite(document: SecretsDocument, version: string): Promise<void> {
    if (descendsFrom(document, this.document)) await this.adopt(document, version);
  }

  /** After a failed read the known secrets stay in use. */
  private async readAlone(): Promise<void> {
    try {
      const known = this.wasRead ? this.version : undefined;
      const stored = await this.store?.readDocument(known);
      if (stored) await this.adoptOrRestore(stored);
      else if (!this.unsealed.isUnsealedWith(this.keys))
        await this.unsealed.unsealAll(this.document, this.keys);
      this.readFailure = undefined;
      this.readAt = performance.now();
    } catch (error) {
      this.readFailure = error instanceof Error ? error.message : String(error);
      throw error;
    }
  }

  /**
   * Adopts the stored document. If the store lost versions that this process knows, the document
   * is written back first: there is no other copy of the secrets.
   */
  private async adoptOrRestore(stored: StoredSecrets): Promise<void> {
    const document = parseStored(stored);
    const { document: ours } = this;
    if (descendsFrom(document, ours)) {
      await this.adopt(document, stored.version);
      return;
    }
    const next = descendsFrom(ours, document) ? ours : merge(document, ours, Date.now());
    const version = await this.store?.writeDocument(JSON.stringify(next), stored.version);
    if (version === undefined)
      throw new SecretsUnavailableError(
        'the vault lost versions, and another process is writing it',
      );
    await this.adopt(next, version);
    this.logger.error({ message: 'the vault had lost versions: written back' });
  }

  private async adopt(document: SecretsDocument, version: string): Promise<void> {
    const before = this.unsealed.faults;
    await this.unsealed.unsealAll(document, this.keys);
    for (const fault of this.unsealed.faults) {
      if (!before.includes(fault)) this.logger.error({ message: fault });
    }
    [this.current, this.version, this.wasRead] = [document, version, true];
  }
}

function parseStored({ text }: StoredSecrets): SecretsDocument {
  try {
    return text === '' ? EMPTY : parseSecretsDocument(text);
  } catch (cause) {
    throw new SecretsUnavailableError(
      'the vault cannot be parsed: it was changed by hand. Restore it, or delete it and rotate the webhooks with force',
      { cause },
    );
  }
}
