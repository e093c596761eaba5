import { Logger } from '@nestjs/common';
import type { Keyring } from '../../infrastructure/files/keyring.js';
import type { Clock } from '../../infrastructure/timing/clock.js';
import {
  EMPTY,
  parseSecretsDocument,
  type SecretsDocument,
} from '../secrets-document.js';
import {
  NEVER_WRITTEN,
  SecretsUnavailableError,
  type SecretsStore,
  type StoredSecrets,
} from '../secrets-store.js';
import { UnsealedSecrets, type UnsealedSecret } from '../unsealed-secrets.js';
import { descendsFrom } from './document-ancestry.js';
import { restoreDocument, type VersionedDocument } from './document-restore.js';

/** Least time between two reads that deliveries cause. Any sender can make deliveries that match no secret. */
const MIN_GAP_MS = 100;
/** How long known secrets are trusted while the store cannot be read. One may have been revoked meanwhile. */
const TRUSTED_MS = 60_000;
/** At most this many deliveries wait for a read. `refresh` refuses more. */
const MAX_WAITING = 128;

/** The secrets document as it was last read or written, with its secrets unsealed. */
export class DocumentCache {
  private readonly logger = new Logger(DocumentCache.name);
  private readonly unsealed = new UnsealedSecrets();
  private current: VersionedDocument = {
    document: EMPTY,
    version: NEVER_WRITTEN.version,
  };
  private wasRead = false;
  private readFailure: string | undefined;
  /** End of the last successful read, on `clock`. */
  private readAt = -Infinity;
  private lastAccess: Promise<void> = Promise.resolve();
  private waiting = 0;
  private nextRefresh: Promise<void> | undefined;
  /** Start of the last read that a delivery caused, on `clock`. */
  private refreshedAt = -Infinity;

  /**
   * @param store undefined: the document is empty and stays so.
   * @param keys the current keys to unseal with.
   */
  constructor(
    private readonly store: SecretsStore | undefined,
    private readonly keys: () => Keyring,
    private readonly clock: Clock,
  ) {}

  get document(): SecretsDocument {
    return this.current.document;
  }

  /** The version that the store gave `document`. */
  get version(): string {
    return this.current.version;
  }

  get secrets(): readonly UnsealedSecret[] {
    return this.unsealed.secrets;
  }

  /** Why the store cannot be read, and one message for each secret that cannot be unsealed. */
  get troubles(): readonly string[] {
    return [
      ...(this.readFailure === undefined ? [] : [this.readFailure]),
      ...this.unsealed.faults,
    ];
  }

  /** True if the last read is so old that a secret may have been revoked since. */
  get isStale(): boolean {
    return this.clock.now() > this.readAt + TRUSTED_MS;
  }

  /** @throws {SecretsUnavailableError} The known document then stays in use. */
  readStore(): Promise<void> {
    return this.oneAtATime(() => this.readAlone());
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
      await (this.nextRefresh ??= this.refreshLater(this.store));
    } finally {
      this.waiting--;
    }
  }

  /** Adopts a document that this process wrote, unless a later version was read meanwhile. */
  async adoptOwnWrite(written: VersionedDocument): Promise<void> {
    await this.oneAtATime(async () => {
      if (descendsFrom(written.document, this.document)) await this.adopt(written);
    });
  }

  /** Reads the store once the gap since the last refresh is over. */
  private async refreshLater({ pollMs }: SecretsStore): Promise<void> {
    const gapMs = Math.max(MIN_GAP_MS, pollMs / 10);
    // At least one turn of the event loop, in which other deliveries can join
    await this.clock.sleep(Math.max(0, this.refreshedAt + gapMs - this.clock.now()));
    await this.lastAccess;
    // The read begins now: a later call needs another one
    this.nextRefresh = undefined;
    this.refreshedAt = this.clock.now();
    await this.readStore();
  }

  /** Runs reads and own writes in order, so an older document never replaces a newer one. */
  private oneAtATime(work: () => Promise<void>): Promise<void> {
    const access = this.lastAccess.then(work);
    this.lastAccess = access.catch(() => undefined);
    return access;
  }

  private async readAlone(): Promise<void> {
    try {
      const known = this.wasRead ? this.version : undefined;
      const stored = await this.store?.readDocument(known);
      if (this.store && stored) await this.adoptStored(this.store, stored);
      else await this.unsealWithNewKeys();
      this.readFailure = undefined;
      this.readAt = this.clock.now();
    } catch (error) {
      this.readFailure = error instanceof Error ? error.message : String(error);
      throw error;
    }
  }

  private async adoptStored(
    store: SecretsStore,
    { text, version }: StoredSecrets,
  ): Promise<void> {
    const stored = { document: parseStored(text), version };
    if (descendsFrom(stored.document, this.document)) {
      await this.adopt(stored);
      return;
    }
    await this.adopt(await restoreDocument(store, stored, this.document));
    this.logger.error({ message: 'the vault had lost versions: written back' });
  }

  private async adopt(adopted: VersionedDocument): Promise<void> {
    const before = this.unsealed.faults;
    await this.unsealed.unsealAll(adopted.document, this.keys());
    for (const fault of this.unsealed.faults) {
      if (!before.includes(fault)) this.logger.error({ message: fault });
    }
    [this.current, this.wasRead] = [adopted, true];
  }

  private async unsealWithNewKeys(): Promise<void> {
    const keys = this.keys();
    if (!this.unsealed.isUnsealedWith(keys))
      await this.unsealed.unsealAll(this.document, keys);
  }
}

function parseStored(text: string): SecretsDocument {
  try {
    return text === '' ? EMPTY : parseSecretsDocument(text);
  } catch (cause) {
    throw new SecretsUnavailableError(
      'the vault cannot be parsed: it was changed by hand. Restore it, or delete it and rotate the webhooks with force',
      { cause },
    );
  }
}
