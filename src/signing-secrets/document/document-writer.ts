import type { Clock } from '../../infrastructure/timing/clock.js';
import type { SecretsDocument } from '../secrets-document.js';
import { SecretsUnavailableError, type SecretsStore } from '../secrets-store.js';
import { newVersion } from './document-ancestry.js';
import type { DocumentCache } from './document-cache.js';

/** Attempts of a compare-and-swap write. More conflicts than this are a fault. */
const MAX_TRIES = 20;
/** How long `updatePersistently` repeats an update while the store does not answer. */
const PERSIST_MS = 60_000;
const PERSIST_PAUSE_MS = 500;

/** Returns the new document, or the same object to change nothing. It may be called more than once. */
export type DocumentEdit = (document: SecretsDocument) => SecretsDocument;

/** Writes the secrets document by compare and swap, so that no process overwrites another's change. */
export class DocumentWriter {
  constructor(
    private readonly store: SecretsStore | undefined,
    private readonly cache: DocumentCache,
    private readonly clock: Clock,
  ) {}

  /**
   * Reads, edits and writes the document. It repeats that if another process wrote meanwhile.
   *
   * @returns the document that is stored now.
   * @throws {SecretsUnavailableError} the write may have been done all the same; it can be repeated.
   */
  async update(edit: DocumentEdit): Promise<SecretsDocument> {
    if (!this.store) {
      throw new SecretsUnavailableError('there is no vault: set VAULT_KEYS_FILE');
    }
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      await this.cache.readStore();
      const written = await this.tryUpdate(this.store, edit);
      if (written) return written;
    }
    throw new SecretsUnavailableError(
      `the vault was not written: other processes wrote it before each of ${MAX_TRIES} attempts`,
    );
  }

  /** Updates what must not be lost: it repeats the update while the store does not answer. */
  async updatePersistently(edit: DocumentEdit): Promise<void> {
    const deadline = this.clock.now() + PERSIST_MS;
    for (;;) {
      try {
        await this.update(edit);
        return;
      } catch (error) {
        const isLast = this.clock.now() + PERSIST_PAUSE_MS > deadline;
        if (!(error instanceof SecretsUnavailableError) || isLast) throw error;
        await this.clock.sleep(PERSIST_PAUSE_MS);
      }
    }
  }

  /** @returns undefined if another process wrote since the last read. */
  private async tryUpdate(
    store: SecretsStore,
    edit: DocumentEdit,
  ): Promise<SecretsDocument | undefined> {
    const { document: before, version: since } = this.cache;
    const edited = edit(before);
    if (edited === before) return before;
    const document = newVersion(edited, before);
    const version = await store.writeDocument(JSON.stringify(document), since);
    if (version === undefined) return undefined;
    await this.cache.adoptOwnWrite({ document, version });
    return document;
  }
}
