import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

/** The bytes of a file, wherever they are. */
export interface FileContent {
  readonly bytes: number;
  /** SHA-256 in hex. */
  readonly hash: string;
  /** From one byte to another, both included, as `Range` names them. */
  read(first?: number, last?: number): Readable;
  remove(): Promise<void>;
}

/** For what is small or made here. */
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
