import { ApiError } from '../api-error.js';
import type { Clock } from '../clock.js';
import { MemoryContent, type FileContent } from './file-content.js';
import type { Json } from '../json.js';
import { page } from '../api/page.js';
import { Spool } from './spool.js';

/** Google deletes an uploaded file after two days. The emulator shows that time, and deletes nothing. */
const LIFETIME_MS = 48 * 3600 * 1000;

export interface FileDetails {
  readonly mimeType: string;
  readonly displayName?: string | undefined;
}

interface StoredFile extends FileDetails {
  readonly name: string;
  /** Resolves when all bytes are there. */
  readonly content: Promise<FileContent>;
  readonly createMs: number;
  /** True for the results of a job, false for an upload. */
  readonly generated: boolean;
}

/** The files of the Files API. Large files are in the spool, small ones in memory. */
export class FileStore {
  readonly spool = new Spool();
  private readonly files = new Map<string, StoredFile>();

  /** @param baseUrl base of `uri` and `downloadUri`; a function, because it is known only when the server listens */
  constructor(
    private readonly clock: Clock,
    private readonly baseUrl: () => string,
  ) {}

  /** @returns the name of the new file, `files/<id>` */
  add(
    id: string,
    content: Uint8Array | FileContent | Promise<FileContent>,
    details: FileDetails,
    generated = true,
  ): string {
    const name = `files/${id}`;
    if (this.files.has(name)) throw new ApiError(409, `${name} already exists.`);
    const known = content instanceof Uint8Array ? new MemoryContent(content) : content;
    const file = {
      name,
      content: Promise.resolve(known),
      ...details,
      createMs: this.clock.now(),
      generated,
    };
    // Reading the file reports the error
    file.content.catch(() => undefined);
    this.files.set(name, file);
    return name;
  }

  /** Adds a file whose bytes are still to come. It is listed at once, and can be read when all bytes are there. */
  addWritten(
    id: string,
    chunks: AsyncIterable<Uint8Array>,
    details: FileDetails,
  ): string {
    return this.add(id, this.written(chunks), details);
  }

  has(name: string): boolean {
    return this.files.has(name);
  }

  async content(name: string): Promise<FileContent> {
    return this.find(name).content;
  }

  /** The whole file in memory, for tests. */
  async bytes(name: string): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    const content = await this.content(name);
    for await (const chunk of content.read() as AsyncIterable<Uint8Array>) {
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  mimeType(name: string): string {
    return this.find(name).mimeType;
  }

  async get(name: string): Promise<Json> {
    return this.shown(this.find(name));
  }

  async list(size: string | undefined, token: string | undefined): Promise<Json> {
    const { items, nextToken } = page([...this.files.values()].toReversed(), size, token);
    return {
      files: await Promise.all(items.map((file) => this.shown(file))),
      ...(nextToken ? { nextPageToken: nextToken } : {}),
    };
  }

  async delete(name: string): Promise<void> {
    const file = this.find(name);
    this.files.delete(name);
    await (await file.content).remove();
  }

  async close(): Promise<void> {
    await this.spool.close();
  }

  private async written(chunks: AsyncIterable<Uint8Array>): Promise<FileContent> {
    const content = await this.spool.create();
    await content.append(chunks);
    return content;
  }

  /** @throws {ApiError} 403 for a missing file: Google does not say if a file exists that the key may not read */
  private find(name: string): StoredFile {
    const file = this.files.get(name);
    if (file) return file;
    const id = name.replace(/^files\//, '');
    throw new ApiError(
      403,
      `You do not have permission to access the File ${id} or it may not exist.`,
    );
  }

  private async shown(file: StoredFile): Promise<Json> {
    const created = new Date(file.createMs).toISOString();
    const uri = `${this.baseUrl()}/v1beta/${file.name}`;
    const { bytes, hash } = await file.content;
    return {
      name: file.name,
      ...(file.displayName === undefined ? {} : { displayName: file.displayName }),
      mimeType: file.mimeType,
      sizeBytes: String(bytes),
      createTime: created,
      updateTime: created,
      expirationTime: new Date(file.createMs + LIFETIME_MS).toISOString(),
      // Base64 of the hex text, not of the bytes, as in recorded answers
      sha256Hash: Buffer.from(hash).toString('base64'),
      uri,
      ...(file.generated ? { downloadUri: `${uri}:download?alt=media` } : {}),
      state: 'ACTIVE',
      source: file.generated ? 'GENERATED' : 'UPLOADED',
    };
  }
}
