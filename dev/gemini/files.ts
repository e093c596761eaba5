import { createHash } from 'node:crypto';
import { ApiError, invalid } from './api-error.js';
import type { Clock } from './clock.js';
import { resourceId } from './ids.js';
import type { Json } from './json.js';
import { page } from './page.js';

/** Uploaded files are kept for two days. Here they only say so. */
const LIFETIME_MS = 48 * 3600 * 1000;
/** Ids of uploaded files are shorter than those of other resources. */
const ID_LENGTH = 12;

export interface FileDetails {
  readonly mimeType: string;
  readonly displayName?: string | undefined;
}

interface StoredFile extends FileDetails {
  readonly name: string;
  readonly content: Uint8Array;
  readonly createMs: number;
  /** Results of a batch, not an upload. */
  readonly generated: boolean;
}

interface Upload extends FileDetails {
  readonly id: string | undefined;
  chunks: Buffer[];
  bytes: number;
}

/** The files of the Files API and the resumable uploads that become files. All in memory. */
export class FileStore {
  private readonly files = new Map<string, StoredFile>();
  private readonly uploads = new Map<string, Upload>();

  /** @param baseUrl for `uri` and `downloadUri`; known only when the server listens */
  constructor(
    private readonly clock: Clock,
    private readonly baseUrl: () => string,
  ) {}

  /** The answer is the name, `files/<id>`. */
  add(id: string, content: Uint8Array, details: FileDetails, generated = true): string {
    const name = `files/${id}`;
    if (this.files.has(name)) throw new ApiError(409, `${name} already exists.`);
    this.files.set(name, {
      name,
      content,
      ...details,
      createMs: this.clock.now(),
      generated,
    });
    return name;
  }

  content(name: string): Uint8Array {
    return this.find(name).content;
  }

  mimeType(name: string): string {
    return this.find(name).mimeType;
  }

  get(name: string): Json {
    return this.shown(this.find(name));
  }

  list(size: string | undefined, token: string | undefined): Json {
    const { items, nextToken } = page([...this.files.values()].toReversed(), size, token);
    return {
      files: items.map((file) => this.shown(file)),
      ...(nextToken ? { nextPageToken: nextToken } : {}),
    };
  }

  delete(name: string): void {
    this.files.delete(this.find(name).name);
  }

  /** Begins a resumable upload. `file`: the metadata that the client gave; the answer is the upload's id. */
  beginUpload(file: { name?: string | undefined } & FileDetails): string {
    const id = file.name?.replace(/^files\//, '');
    if (id !== undefined && !/^[a-z0-9-]{1,40}$/.test(id))
      throw invalid('Invalid file name.');
    const uploadId = resourceId();
    this.uploads.set(uploadId, { ...file, id, chunks: [], bytes: 0 });
    return uploadId;
  }

  isUpload(uploadId: string): boolean {
    return this.uploads.has(uploadId);
  }

  /** One chunk. The answer is the finished file after the last one, else undefined. */
  continueUpload(
    uploadId: string,
    offset: number,
    chunk: Buffer,
    last: boolean,
  ): Json | undefined {
    const upload = this.uploads.get(uploadId);
    if (!upload) throw new ApiError(404, 'No such upload.');
    if (offset !== upload.bytes)
      throw invalid(`The next byte is ${upload.bytes}, not ${offset}.`);
    upload.chunks.push(chunk);
    upload.bytes += chunk.length;
    if (!last) return undefined;
    this.uploads.delete(uploadId);
    const { mimeType, displayName } = upload;
    const id = upload.id ?? resourceId(ID_LENGTH);
    const details = { mimeType, displayName };
    return this.get(this.add(id, Buffer.concat(upload.chunks), details, false));
  }

  /** Google does not say whether a file exists that the key may not read. */
  private find(name: string): StoredFile {
    const file = this.files.get(name);
    if (file) return file;
    const id = name.replace(/^files\//, '');
    throw new ApiError(
      403,
      `You do not have permission to access the File ${id} or it may not exist.`,
    );
  }

  private shown(file: StoredFile): Json {
    const created = new Date(file.createMs).toISOString();
    const uri = `${this.baseUrl()}/v1beta/${file.name}`;
    const hash = createHash('sha256').update(file.content).digest('hex');
    return {
      name: file.name,
      ...(file.displayName === undefined ? {} : { displayName: file.displayName }),
      mimeType: file.mimeType,
      sizeBytes: String(file.content.length),
      createTime: created,
      updateTime: created,
      expirationTime: new Date(file.createMs + LIFETIME_MS).toISOString(),
      // Base64 of the hex text, not of the bytes: so it is in recorded answers.
      sha256Hash: Buffer.from(hash).toString('base64'),
      uri,
      ...(file.generated ? { downloadUri: `${uri}:download?alt=media` } : {}),
      state: 'ACTIVE',
      source: file.generated ? 'GENERATED' : 'UPLOADED',
    };
  }
}
