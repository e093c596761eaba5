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
import { JobSubmitter, type Submitted, type Submitter } from './job.submitter.js';

export const JSONL = 'application/jsonl';
/** What Gemini takes in a file. */
const MAX_UPLOAD_BYTES = 2 * 1024 ** 3;
/** Each holds some megabytes. */
const MAX_UPLOADS = 8;
const DELETE_TIMEOUT_MS = 10_000;
/** A sender that says nothing for so long holds one of the places for nothing. */
const STALL_MS = 60_000;
/** What is left of the body is not read. */
const CLOSE = { Connection: 'close' };
/** Stands for the file of a submission that is not sent. */
const UNUSED_FILE = 'files/unused';

/**
 * Submissions whose requests come as JSONL: passed on to Gemini's Files API as they come, so
 * that a file of any size needs some megabytes, and then submitted as that file.
 */
@Injectable()
export class JobUploader {
  private readonly logger = new Logger(JobUploader.name);
  private uploads = 0;

  constructor(
    private readonly gemini: GeminiClient,
    private readonly files: GeminiFiles,
    private readonly submitter: JobSubmitter,
  ) {}

  /**
   * @param query the order's members apart from its requests; `metadata` as JSON.
   * @throws {ProblemException} as a submission does; nothing was submitted unless it has an `id`.
   */
  async submit(
    kind: JobKind,
    query: unknown,
    content: Readable,
    by: Omit<Submitter, 'content'>,
  ): Promise<Submitted> {
    const given = parseUploadOrder(kind, query);
    this.submitter.assertConfigured();
    const known = await this.submitter.findEarlier(by);
    const hash = createHash('sha256');
    const checked = bounded(content, hash);
    if (known) {
      // Only what it says matters
      for await (const _ of checked);
      const order = parseSubmission(kind, { ...given, file: UNUSED_FILE });
      const repeat = { ...by, content: hash.digest('base64url') };
      return this.submitter.repeated(order, repeat, known);
    }
    const file = await this.uploadFile(given.displayName ?? kind.name, checked);
    const order = parseSubmission(kind, { ...given, file });
    const submitter = { ...by, content: hash.digest('base64url') };
    try {
      const submitted = await this.submitter.submit(order, submitter);
      if (submitted.isRepeat) await this.remove(file);
      return submitted;
    } catch (error) {
      if (error instanceof ProblemException && isCertain(error)) await this.remove(file);
      throw error;
    }
  }

  private async uploadFile(
    displayName: string,
    content: AsyncIterable<Uint8Array>,
  ): Promise<string> {
    if (this.uploads >= MAX_UPLOADS) {
      const later = { 'Retry-After': '10' };
      throw new ProblemException(
        503,
        'overloaded',
        'too many uploads are under way',
        later,
      );
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

  /** Gemini deletes it by itself after two days. */
  private async remove(file: string): Promise<void> {
    try {
      await this.gemini.send({ method: 'DELETE', path: file }, DELETE_TIMEOUT_MS);
    } catch (error) {
      this.logger.debug({ message: 'file of no job not deleted', file, error });
    }
  }
}

/** Whether no job needs the file. */
function isCertain({ code }: ProblemException): boolean {
  return code !== 'gemini-outcome-unknown';
}

async function* bounded(content: Readable, hash: Hash): AsyncGenerator<Uint8Array> {
  let length = 0;
  for await (const piece of unstalled(content)) {
    length += piece.length;
    if (length > MAX_UPLOAD_BYTES) {
      const detail = 'Gemini takes files of up to 2 GiB';
      throw new ProblemException(413, 'body-too-large', detail, CLOSE);
    }
    hash.update(piece);
    yield piece;
  }
  if (length === 0) throw new ProblemException(422, 'invalid-body', 'the body is empty');
}

/** The time that is taken to pass a piece on does not count. */
async function* unstalled(content: Readable): AsyncGenerator<Uint8Array> {
  const pieces = (content as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  for (;;) {
    const next = await withDeadline(pieces.next(), performance.now() + STALL_MS).catch(
      (error: unknown) => {
        throw error instanceof DeadlineError ? stalled() : error;
      },
    );
    if (next.done) return;
    yield next.value;
  }
}

function stalled(): ProblemException {
  const detail = `nothing came of the body for ${STALL_MS / 1000} s`;
  return new ProblemException(408, 'body-too-slow', detail, CLOSE);
}
