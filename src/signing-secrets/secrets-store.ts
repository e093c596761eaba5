/** The secrets document as it is stored. */
export interface StoredSecrets {
  /** Changes with every write. */
  readonly version: string;
  /** JSON, or '' before the first write. */
  readonly text: string;
}

/** A store without a document. */
export const NEVER_WRITTEN: StoredSecrets = { version: '', text: '' };

/**
 * The document cannot be read or written. The message names the store, the cause and, where there
 * is one, the remedy.
 */
export class SecretsUnavailableError extends Error {
  override readonly name = 'SecretsUnavailableError';
}

/** Port to the place of the secrets document: Redis, a file or a Kubernetes Secret. */
export abstract class SecretsStore {
  /** How often `SigningSecrets` reads, in ms. */
  readonly pollMs: number = 1000;

  /**
   * @param known the version that the caller has.
   * @returns undefined if the stored version is `known`.
   * @throws {SecretsUnavailableError}
   */
  abstract readDocument(known?: string): Promise<StoredSecrets | undefined>;

  /**
   * Replaces the document if its version is still `since` (compare and swap).
   *
   * @returns the new version; undefined if the stored version is another one.
   * @throws {SecretsUnavailableError} the write may have been done all the same.
   */
  abstract writeDocument(text: string, since: string): Promise<string | undefined>;

  /** Most stores hold nothing that has to be closed. */
  close(): void {}
}
