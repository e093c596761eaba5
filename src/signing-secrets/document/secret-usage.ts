import { withUses } from '../secrets-document.js';
import type { DocumentCache } from './document-cache.js';
import type { DocumentWriter } from './document-writer.js';

/** When deliveries were last verified with each secret. */
export class SecretUsage {
  /** By key id, as this process knows it; Unix ms. The document may have older times. */
  readonly times = new Map<string, number>();

  constructor(
    private readonly cache: DocumentCache,
    private readonly writer: DocumentWriter,
  ) {}

  recordUse(keyId: string, now: number): void {
    this.times.set(keyId, now);
  }

  /** Stores the times, so that every replica can report them. Writes at most once a minute for a secret. */
  async storeUses(): Promise<void> {
    const { document } = this.cache;
    if (withUses(document, this.times) === document) return;
    await this.writer.update((current) => withUses(current, this.times));
  }
}
