import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, rmSync } from 'node:fs';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { FileContent } from './file-content.js';

/**
 * A temporary folder for files that may be too large for memory: every upload, and the results of batches whose input
 * was a file. It is created for the first file, and removed when the emulator stops or its process exits.
 */
export class Spool {
  private temporary: Promise<string> | undefined;
  private readonly writes = new Set<Promise<void>>();
  private closed = false;
  /** Removes the folder when the process ends before `close()`. */
  private removeFolder = (): void => undefined;

  /** Undefined while the spool has had no file. */
  get folder(): Promise<string> | undefined {
    return this.temporary;
  }

  /** Creates an empty file. */
  async create(): Promise<SpooledContent> {
    this.temporary ??= this.createFolder();
    const path = join(await this.temporary, randomUUID());
    await writeFile(path, '');
    return new SpooledContent(path, (chunks) => this.append(chunks, path));
  }

  /** Removes the folder, after the writes under way; each ends at its next chunk. */
  async close(): Promise<void> {
    this.closed = true;
    await Promise.allSettled(this.writes);
    process.off('exit', this.removeFolder);
    const folder = await this.temporary;
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }

  private async createFolder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'gemini-emulator-'));
    this.removeFolder = () => rmSync(folder, { recursive: true, force: true });
    process.once('exit', this.removeFolder);
    return folder;
  }

  private async append(chunks: AsyncIterable<Uint8Array>, path: string): Promise<void> {
    const write = this.write(chunks, path);
    this.writes.add(write);
    await write.finally(() => this.writes.delete(write));
  }

  private async write(chunks: AsyncIterable<Uint8Array>, path: string): Promise<void> {
    const file = await open(path, 'a');
    try {
      for await (const chunk of chunks) {
        if (this.closed) throw new Error('the emulator was stopped');
        await file.appendFile(chunk);
      }
    } finally {
      await file.close();
    }
  }
}

/** A file in the spool, which can be appended to. */
export class SpooledContent implements FileContent {
  bytes = 0;
  private readonly digest = createHash('sha256');

  constructor(
    private readonly path: string,
    private readonly write: (chunks: AsyncIterable<Uint8Array>) => Promise<void>,
  ) {}

  get hash(): string {
    return this.digest.copy().digest('hex');
  }

  /** Appends the chunks. Chunks that came before an interruption stay. */
  async append(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    await this.write(this.counted(chunks));
  }

  read(first = 0, last = Number.POSITIVE_INFINITY): Readable {
    return createReadStream(this.path, { start: first, end: last });
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true });
  }

  /** Counts and hashes a chunk when the next one is asked for, because then it is written. */
  private async *counted(
    chunks: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array, void> {
    for await (const chunk of chunks) {
      yield chunk;
      this.bytes += chunk.length;
      this.digest.update(chunk);
    }
  }
}
