import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { CONFIG, type Config } from '../config/config.js';
import { chunksOf, type Chunk } from './chunks.js';
import { answered, textOf } from './gemini-http.js';
import { API_VERSION } from './gemini-request.js';
import { GeminiError } from './gemini.error.js';

/** Gemini takes multiples of 256 KiB. So much of an upload is in memory, and is sent again when it is lost. */
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
  /** Once it has all. */
  readonly name: string | undefined;
}

/**
 * Uploads to the Files API, resumed where the connection breaks.
 *
 * @see https://ai.google.dev/gemini-api/docs/files
 */
@Injectable()
export class GeminiFiles {
  constructor(@Inject(CONFIG) private readonly config: Config) {}

  /**
   * @param content is read as fast as Gemini takes it.
   * @returns the file's name, `files/…`
   * @throws {GeminiError}, or whatever reading the content throws.
   */
  async upload(
    content: AsyncIterable<Uint8Array>,
    { displayName, contentType }: { displayName: string; contentType: string },
  ): Promise<string> {
    const url = await this.start(displayName, contentType);
    try {
      let offset = 0;
      for await (const chunk of chunksOf(content, CHUNK_BYTES)) {
        const name = await sendAll(url, offset, chunk);
        if (name !== undefined) return name;
        offset += chunk.bytes.length;
      }
    } catch (error) {
      await call(url, 'cancel').catch(() => undefined);
      throw error;
    }
    throw new GeminiError('Gemini did not name the file', 'unknown');
  }

  /** @returns where its bytes go; whoever knows that address needs no key. */
  private async start(displayName: string, contentType: string): Promise<string> {
    const { url, apiKey = '' } = this.config.gemini;
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
    await textOf(response);
    const address = response.headers.get('x-goog-upload-url');
    if (address) return address;
    throw new GeminiError('Gemini did not say where to upload to', 'unknown');
  }
}

/** Sends a chunk, and what was lost of it again. @returns the file's name after the last. */
async function sendAll(
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
      if (!isPassing(error) || tries === MAX_TRIES) throw error;
      await delay(waitAfter(error, tries));
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
  const text = await textOf(response);
  const isFinal = response.headers.get('x-goog-upload-status') === 'final';
  return {
    received: Number(response.headers.get('x-goog-upload-size-received') ?? 0),
    name: isFinal ? nameIn(text) : undefined,
  };
}

function request(url: string, init: RequestInit): Promise<Response> {
  const signal = AbortSignal.timeout(CHUNK_TIMEOUT_MS);
  return answered(url, { ...init, method: 'POST', signal });
}

function nameIn(text: string): string {
  try {
    return finished.parse(JSON.parse(text)).file.name;
  } catch (cause) {
    throw new GeminiError('Gemini did not name the file', 'refused', {
      status: 200,
      cause,
    });
  }
}

/** Worth another try. */
function isPassing(error: unknown): error is GeminiError {
  if (!(error instanceof GeminiError)) return false;
  const { outcome, status } = error;
  return outcome === 'unknown' || status === undefined || status === 429;
}

function waitAfter({ retryAfterSeconds }: GeminiError, tries: number): number {
  const waitMs = FIRST_WAIT_MS * 2 ** tries;
  return Math.max(waitMs, Math.min(retryAfterSeconds ?? 0, 30) * 1000);
}
