import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

/** The bytes of a file, in memory or in the spool. */
export interface FileContent {
  readonly bytes: number;
  /** SHA-256 in hex. */
  readonly hash: string;
  /** The bytes from position `first` to position `last`, both included. */
  read(first?: number, last?: number): Readable;
  remove(): Promise<void>;
}

/** The bytes of a small file. */
export class MemoryContent implements FileContent {
  readonly hash: string;

  constructor(private readonly content: Uint8Array) {
    this.hash = createHash('sha256').update(content).digest('hex');
  }

  get bytes(): number {
    return this.content.length;
  }

  read(first = 0, last = this.bytes - 1): Readable {
    return Readable.from([this.content.subarray(first, last + 1)]);
  }

  remove(): Promise<void> {
    return Promise.resolve();
  }
}
