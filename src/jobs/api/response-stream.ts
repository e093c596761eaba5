import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Response as ExpressResponse } from 'express';

/** Time that Gemini or the client may take for a piece. */
const STALL_MS = 60_000;
const HEADERS = [
  'content-type',
  'content-length',
  'content-range',
  'accept-ranges',
  'etag',
  'last-modified',
];

/** Streams a response of Gemini to a client, without holding it in memory. */
export class ResponseStream {
  private readonly controller = new AbortController();
  private readonly stall = setTimeout(() => this.controller.abort(), STALL_MS);

  constructor(private readonly client: ExpressResponse) {
    client.once('close', () => {
      clearTimeout(this.stall);
      this.controller.abort();
    });
  }

  /** Aborts when a piece takes too long, or the client disconnects. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Relays a response. An error of Gemini in the middle ends the connection to the client, too. */
  async relay({ status, headers, body }: Response): Promise<void> {
    this.client.status(status);
    for (const name of HEADERS) {
      const value = headers.get(name);
      if (value !== null) this.client.setHeader(name, value);
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
      this.client,
    ).catch(() => undefined);
  }
}
