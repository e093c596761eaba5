import { ApiError, invalid } from '../api-error.js';
import type { FileDetails, FileStore } from './files.js';
import { resourceId } from '../ids.js';
import type { Json } from '../json.js';
import type { SpooledContent } from './spool.js';

/** Ids of uploaded files are shorter than ids of other resources. */
const ID_LENGTH = 12;

export interface UploadOrder extends FileDetails {
  /** `files/<id>` or `<id>`, if the client chose one. */
  readonly name?: string | undefined;
  /** Size that the client announced. */
  readonly expectedBytes?: number | undefined;
}

interface Upload extends UploadOrder {
  readonly content: SpooledContent;
  state: 'active' | 'final' | 'cancelled';
  /** True while a chunk is being received. */
  busy: boolean;
  /** The file that the upload became, as the API shows it. */
  file?: Json;
}

/** Progress of an upload. A client that lost an answer asks for it. */
export type UploadStatus = Readonly<Pick<Upload, 'state' | 'file'>> & { bytes: number };

/**
 * Resumable uploads that become files. Bytes are written to the spool as they arrive and count as received, also those
 * of a chunk that was cut off. Assumption: Google keeps these too; it may keep only whole blocks of a chunk.
 */
export class Uploads {
  private readonly uploads = new Map<string, Upload>();

  constructor(private readonly files: FileStore) {}

  /** @returns the id of the upload */
  async begin(order: UploadOrder): Promise<string> {
    const id = order.name?.replace(/^files\//, '');
    if (id !== undefined && !/^[a-z0-9-]{1,40}$/.test(id)) {
      throw invalid('Invalid file name.');
    }
    const uploadId = resourceId();
    const content = await this.files.spool.create();
    this.uploads.set(uploadId, { ...order, content, state: 'active', busy: false });
    return uploadId;
  }

  has(uploadId: string): boolean {
    return this.uploads.has(uploadId);
  }

  status(uploadId: string): UploadStatus {
    const { state, content, file } = this.find(uploadId);
    return { state, bytes: content.bytes, ...(file ? { file } : {}) };
  }

  /** @param offset must be the number of bytes that were received so far */
  async append(
    uploadId: string,
    offset: number,
    chunks: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const upload = this.active(uploadId);
    const { bytes } = upload.content;
    if (offset !== bytes) throw invalid(`The next byte is ${bytes}, not ${offset}.`);
    upload.busy = true;
    try {
      await upload.content.append(within(chunks, upload));
    } finally {
      upload.busy = false;
    }
  }

  async finalize(uploadId: string): Promise<void> {
    const upload = this.active(uploadId);
    const { content, expectedBytes = content.bytes, mimeType, displayName } = upload;
    if (content.bytes !== expectedBytes) {
      throw invalid(`${content.bytes} of ${expectedBytes} bytes have been received.`);
    }
    const id = upload.name?.replace(/^files\//, '') ?? resourceId(ID_LENGTH);
    const name = this.files.add(id, content, { mimeType, displayName }, false);
    upload.state = 'final';
    upload.file = await this.files.get(name);
  }

  async cancel(uploadId: string): Promise<void> {
    const upload = this.active(uploadId);
    upload.state = 'cancelled';
    await upload.content.remove();
  }

  private active(uploadId: string): Upload {
    const upload = this.find(uploadId);
    if (upload.state !== 'active') throw invalid(`The upload is ${upload.state}.`);
    if (upload.busy) throw new ApiError(409, 'A chunk is being received.');
    return upload;
  }

  private find(uploadId: string): Upload {
    const upload = this.uploads.get(uploadId);
    if (!upload) throw new ApiError(404, 'No such upload.');
    return upload;
  }
}

/** Assumption: Google refuses more bytes than announced, and an end before all of them. */
async function* within(
  chunks: AsyncIterable<Uint8Array>,
  { content, expectedBytes = Number.POSITIVE_INFINITY }: Upload,
): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of chunks) {
    if (content.bytes + chunk.length > expectedBytes) {
      throw invalid(`More than the ${expectedBytes} bytes that were announced.`);
    }
    yield chunk;
  }
}
