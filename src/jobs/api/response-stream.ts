import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Response as Answer } from 'express';

/** Neither side may take longer for a piece. */
const STALL_MS = 60_000;
const HEADERS = [
  'content-type',
  'content-length',
  'content-range',
  'accept-ranges',
  'etag',
  'last-modified',
];

/** An answer of Gemini's that is passed on as it comes, and not held. */
export class ResponseStream {
  private readonly ending = new AbortController();
  private readonly stall = setTimeout(() => this.ending.abort(), STALL_MS);

  constructor(private readonly answer: Answer) {
    answer.once('close', () => {
      clearTimeout(this.stall);
      this.ending.abort();
    });
  }

  /** Aborts when nothing moves any more, or nobody wants it. */
  get signal(): AbortSignal {
    return this.ending.signal;
  }

  /** What breaks off in the middle breaks off here too: the reader asks for the rest. */
  async pass({ status, headers, body }: Response): Promise<void> {
    this.answer.status(status);
    for (const name of HEADERS) {
      const value = headers.get(name);
      if (value !== null) this.answer.setHeader(name, value);
    }
    const { stall } = this;
    const pieces = Readable.fromWeb(body ?? new Blob([]).stream());
    await pipeline(
      pieces,
      async function* watched(source: AsyncIterable<Uint8Array>) {
        for await (const piece of source) {
          stall.refresh();
          yield piece;
        }
      },
      this.answer,
    ).catch(() => undefined);
  }
}
