/** The vault as it is stored. */
export interface StoredSecrets {
  /** Changes with every write. */
  readonly version: string;
  readonly text: string;
}

/** Before anything was written. */
export const NEVER_WRITTEN: StoredSecrets = { version: '', text: '' };

/** The store does not answer, or is not what it should be; the message says which. */
export class SecretsUnavailableError extends Error {
  override readonly name = 'VaultUnavailableError';
}

/** Where the sealed secrets are kept: one document, which is small. */
export abstract class SecretsStore {
  /** How often to ask whether there is something new, in ms. */
  readonly pollMs: number = 1000;

  /**
   * @param known version that the caller has.
   * @returns undefined when that is still it.
   * @throws {SecretsUnavailableError}
   */
  abstract readDocument(known?: string): Promise<StoredSecrets | undefined>;

  /**
   * Writes it all, unless somebody else has since that version.
   *
   * @returns the new version; undefined when somebody has.
   * @throws {SecretsUnavailableError} it may have been written all the same.
   */
  abstract writeDocument(text: string, since: string): Promise<string | undefined>;

  close(): void {
    // Most have nothing to end
  }
}
