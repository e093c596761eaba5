import { parseSecretsDocument } from '../../src/signing-secrets/secrets-document.js';
import type { SecretsDocument } from '../../src/signing-secrets/secrets-document.js';
import {
  NEVER_WRITTEN,
  SecretsStore,
  SecretsUnavailableError,
  type StoredSecrets,
} from '../../src/signing-secrets/secrets-store.js';

/** A secrets store in memory, which several `SigningSecrets` share like replicas. It fails on demand. */
export class MemorySecretsStore extends SecretsStore {
  stored: StoredSecrets = NEVER_WRITTEN;
  reads = 0;
  isAway = false;
  /** Runs after each write. Its rejection is the writer's answer, although the document is stored. */
  afterWrite: (document: SecretsDocument) => Promise<void> | void = () => undefined;

  override readDocument(known?: string): Promise<StoredSecrets | undefined> {
    this.reads++;
    if (this.isAway) return Promise.reject(new SecretsUnavailableError('it is away'));
    return Promise.resolve(this.stored.version === known ? undefined : this.stored);
  }

  override async writeDocument(text: string, since: string): Promise<string | undefined> {
    if (since !== this.stored.version) return undefined;
    const version = `${Number(since) + 1}`;
    this.stored = { version, text };
    await this.afterWrite(parseSecretsDocument(text));
    return version;
  }

  /** Makes the next write for which `isIt` is true fail after the document is stored, as if its answer were lost. */
  loseAnswer(
    isIt: (document: SecretsDocument) => boolean,
    meanwhile: () => Promise<void> = () => Promise.resolve(),
  ): void {
    this.afterWrite = async (document) => {
      if (!isIt(document)) return;
      this.afterWrite = () => undefined;
      await meanwhile();
      throw new SecretsUnavailableError('the store did not answer');
    };
  }
}
