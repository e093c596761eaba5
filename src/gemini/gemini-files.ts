import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { GeminiConfig } from '../config/config.js';
import { InjectConfig } from '../config/inject-config.js';
import { chunksOf, type Chunk } from './chunks.js';
import { fetchOk, readText } from './gemini-http.js';
import { API_VERSION } from './gemini-request.js';
import { GeminiError } from './gemini.error.js';

/**
 * Gemini takes multiples of 256 KiB. One chunk of each upload is in memory, and is sent again
 * where a connection breaks.
 */
const CHUNK_BYTES = 4 * 1024 * 1024;
const CHUNK_TIMEOUT_MS = 60_000;
const MAX_TRIES = 6;
const FIRST_WAIT_MS = 250;

const finished = z.object({
  file: z.object({ name: z.string().regex(/^files\/[A-Za-z0-9_-]{1,128}$/) }),
});

interface Progress {
  /** Bytes that Gemini has. */
  readonly received: number;
  /** Name of the file, `files/…`, once Gemini has all of it. */
  readonly name: string | undefined;
}

/**
 * Uploads to the Files API. An upload resumes where the connection breaks.
 *
 * @see https://ai.google.dev/gemini-api/docs/files
 */
@Injectable()
export class GeminiFiles {
  constructor(@InjectConfig('gemini') private readonly geminiConfig: GeminiConfig) {}

  /**
   * @param content is read only as fast as Gemini takes it.
   * @returns the name of the file, `files/…`
   * @throws {GeminiError}, or the error of the content's iterator.
   */
  async upload(
    content: AsyncIterable<Uint8Array>,
    { displayName, contentType }: { displayName: string; contentType: string },
  ): Promise<string> {
    const url = await this.startSession(displayName, contentType);
    try {
      let offset = 0;
      for await (const chunk of chunksOf(content, CHUNK_BYTES)) {
        const name = await sendChunk(url, offset, chunk);
        if (name !== undefined) return name;
        offset += chunk.bytes.length;
      }
    } catch (error) {
      await call(url, 'cancel').catch(() => undefined);
      throw error;
    }
    throw new GeminiError('Gemini did not name the file', 'unknown');
  }

  /** @returns the URL of the upload session. It is a secret: requests to it need no key. */
  private async startSession(displayName: string, contentType: string): Promise<string> {
    const { url, apiKey = '' } = this.geminiConfig;
    const response = await request(`${url}/upload/${API_VERSION}/files`, {
      headers: {
        'x-goog-api-key': apiKey,
        'x-goog-upload-protocol': 'resumable',
        'x-goog-upload-command': 'start',
        'x-goog-upload-header-content-type': contentType,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ file: { displayName } }),
    });
    await readText(response);
    const sessionUrl = response.headers.get('x-goog-upload-url');
    if (sessionUrl) return sessionUrl;
    throw new GeminiError('Gemini did not return an upload URL', 'unknown');
  }
}

/**
 * Sends a chunk. After an error it asks Gemini how much arrived and sends the rest.
 *
 * @returns the name of the file after the last chunk.
 */
async function sendChunk(
  url: string,
  offset: number,
  { bytes, isLast }: Chunk,
): Promise<string | undefined> {
  const command = isLast ? 'upload, finalize' : 'upload';
  let sent = 0;
  for (let tries = 1; ; tries++) {
    try {
      if (tries > 1) {
        const { received, name } = await call(url, 'query');
        if (name !== undefined) return name;
        sent = Math.min(Math.max(received - offset, 0), bytes.length);
        if (sent === bytes.length && !isLast) return undefined;
      }
      return (await call(url, command, offset + sent, bytes.subarray(sent))).name;
    } catch (error) {
      if (!isTransient(error) || tries === MAX_TRIES) throw error;
      await delay(retryDelayMs(error, tries));
    }
  }
}

async function call(
  url: string,
  command: string,
  offset?: number,
  body?: Uint8Array<ArrayBuffer>,
): Promise<Progress> {
  const response = await request(url, {
    headers: {
      'x-goog-upload-command': command,
      ...(offset !== undefined && { 'x-goog-upload-offset': String(offset) }),
    },
    ...(body && { body }),
  });
  const text = await readText(response);
  const isFinal = response.headers.get('x-goog-upload-status') === 'final';
  return {
    received: Number(response.headers.get('x-goog-upload-size-received') ?? 0),
    name: isFinal ? fileNameIn(text) : undefined,
  };
}

function request(url: string, init: RequestInit): Promise<Response> {
  const signal = AbortSignal.timeout(CHUNK_TIMEOUT_MS);
  return fetchOk(url, { ...init, method: 'POST', signal });
}

function fileNameIn(text: string): string {
  try {
    return finished.parse(JSON.parse(text)).file.name;
  } catch (cause) {
    throw new GeminiError('Gemini did not name the file', 'refused', {
      status: 200,
      cause,
    });
  }
}

/** True if a repeat can succeed. */
function isTransient(error: unknown): error is GeminiError {
  if (!(error instanceof GeminiError)) return false;
  const { effect, status } = error;
  return effect === 'unknown' || status === undefined || status === 429;
}

function retryDelayMs({ retryAfterSeconds }: GeminiError, tries: number): number {
  const waitMs = FIRST_WAIT_MS * 2 ** tries;
  return Math.max(waitMs, Math.min(retryAfterSeconds ?? 0, 30) * 1000);
}
