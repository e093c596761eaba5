import type { SecretsDocument } from '../secrets-document.js';
import { SecretsUnavailableError, type SecretsStore } from '../secrets-store.js';
import { descendsFrom, merge } from './document-ancestry.js';

/** A document and the version that the store gave it. */
export interface VersionedDocument {
  readonly document: SecretsDocument;
  readonly version: string;
}

/**
 * Writes a document back to a store that lost it: the memory of the replicas is the only other copy
 * of the secrets. If the store has versions that `ours` does not descend from, both are merged.
 *
 * @param stored version and document in the store; it does not descend from `ours`.
 * @returns the document that is stored now.
 * @throws {SecretsUnavailableError} if another process writes at the same time.
 */
export async function restoreDocument(
  store: SecretsStore,
  stored: VersionedDocument,
  ours: SecretsDocument,
): Promise<VersionedDocument> {
  const document = descendsFrom(ours, stored.document)
    ? ours
    : merge(stored.document, ours, Date.now());
  const version = await store.writeDocument(JSON.stringify(document), stored.version);
  if (version === undefined) {
    throw new SecretsUnavailableError(
      'the vault lost versions, and another process is writing it',
    );
  }
  return { document, version };
}
