import { createHash, type Hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { Injectable, Logger } from '@nestjs/common';
import { GeminiClient } from '../../gemini/gemini.client.js';
import { GeminiFiles } from '../../gemini/gemini-files.js';
import { GeminiError } from '../../gemini/gemini.error.js';
import type { JobKind } from '../job-kind.js';
import { ProblemException } from '../../internal-api/problems/problem.exception.js';
import { DeadlineError, withDeadline } from '../../infrastructure/timing/deadline.js';
import { geminiProblem } from '../../internal-api/problems/gemini-problem.js';
import { parseSubmission, parseUploadOrder } from '../api/job-order.js';
import { Idempotency, type Submitted, type Submitter } from './idempotency.js';
import { JobSubmitter } from './job.submitter.js';

export const JSONL = 'application/jsonl';
/** Gemini accepts files up to 2 GiB. */
const MAX_UPLOAD_BYTES = 2 * 1024 ** 3;
/** Uploads at the same time. Each holds some megabytes. */
const MAX_UPLOADS = 8;
const DELETE_TIMEOUT_MS = 10_000;
/** A client that sends nothing for this long is refused, because it occupies an upload. */
const STALL_MS = 60_000;
/** The rest of the body is not read, so the connection cannot be used again. */
const CLOSE = { Connection: 'close' };
/** File name in an order that is only compared, not sent. */
const PLACEHOLDER_FILE = 'files/unused';

/**
 * Submits batches whose requests are a JSONL body. It streams the body to Gemini's Files API, so
 * that any size needs only some megabytes of memory, and then submits a batch with that file.
 */
@Injectable()
export class JobUploader {
  private readonly logger = new Logger(JobUploader.name);
  private uploads = 0;

  constructor(
    private readonly gemini: GeminiClient,
    private readonly files: GeminiFiles,
    private readonly idempotency: Idempotency,
    private readonly submitter: JobSubmitter,
  ) {}

  /**
   * @param query members of the order without its requests; `metadata` is JSON text.
   * @throws {ProblemException} as `JobSubmitter.submit`. Nothing was submitted unless it has an `id`.
   */
  async submit(
    kind: JobKind,
    query: unknown,
    content: Readable,
    by: Omit<Submitter, 'content'>,
  ): Promise<Submitted> {
    const given = parseUploadOrder(kind, query);
    this.submitter.assertConfigured();
    const earlier = await this.idempotency.findEarlier(by);
    const hash = createHash('sha256');
    const checked = limitedAndHashed(content, hash);
    if (earlier) {
      // The hash shows whether the repeat has the same requests
      for await (const _ of checked);
      const order = parseSubmission(kind, { ...given, file: PLACEHOLDER_FILE });
      const repeat = { ...by, content: hash.digest('base64url') };
      return this.idempotency.replay(order, repeat, earlier);
    }
    const file = await this.uploadFile(given.displayName ?? kind.name, checked);
    const order = parseSubmission(kind, { ...given, file });
    const submitter = { ...by, content: hash.digest('base64url') };
    try {
      const submitted = await this.submitter.submit(order, submitter);
      if (submitted.isRepeat) await this.deleteFile(file);
      return submitted;
    } catch (error) {
      if (error instanceof ProblemException && isUnused(error))
        await this.deleteFile(file);
      throw error;
    }
  }

  private async uploadFile(
    displayName: string,
    content: AsyncIterable<Uint8Array>,
  ): Promise<string> {
    if (this.uploads >= MAX_UPLOADS) {
      const detail = `${MAX_UPLOADS} uploads are in progress on this replica`;
      const headers = { 'Retry-After': '10' };
      throw new ProblemException(503, 'overloaded', detail, headers);
    }
    this.uploads++;
    try {
      return await this.files.upload(content, { displayName, contentType: JSONL });
    } catch (error) {
      throw error instanceof GeminiError ? geminiProblem(error) : error;
    } finally {
      this.uploads--;
    }
  }

  /** A failure is only logged: Gemini deletes files after two days. */
  private async deleteFile(file: string): Promise<void> {
    try {
      await this.gemini.send({ method: 'DELETE', path: file }, DELETE_TIMEOUT_MS);
    } catch (error) {
      this.logger.debug({ message: 'unused file not deleted at Gemini', file, error });
    }
  }
}

/** True if no job can need the file. */
function isUnused({ code }: ProblemException): boolean {
  return code !== 'gemini-outcome-unknown';
}

async function* limitedAndHashed(
  content: Readable,
  hash: Hash,
): AsyncGenerator<Uint8Array> {
  let length = 0;
  for await (const piece of withStallTimeout(content)) {
    length += piece.length;
    if (length > MAX_UPLOAD_BYTES) {
      const detail = 'want at most 2 GiB: Gemini accepts no larger file';
      throw new ProblemException(413, 'body-too-large', detail, CLOSE);
    }
    hash.update(piece);
    yield piece;
  }
  if (length === 0) throw new ProblemException(422, 'invalid-body', 'the body is empty');
}

/** Limits the time that each piece takes to arrive. The time to send it to Gemini does not count. */
async function* withStallTimeout(content: Readable): AsyncGenerator<Uint8Array> {
  const pieces = (content as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  for (;;) {
    const next = await withDeadline(pieces.next(), performance.now() + STALL_MS).catch(
      (error: unknown) => {
        throw error instanceof DeadlineError ? stallProblem() : error;
      },
    );
    if (next.done) return;
    yield next.value;
  }
}

function stallProblem(): ProblemException {
  const detail = `the body sent nothing for ${STALL_MS / 1000} s`;
  return new ProblemException(408, 'body-too-slow', detail, CLOSE);
}
