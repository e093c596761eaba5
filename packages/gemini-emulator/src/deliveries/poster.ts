import { request as httpRequest, type ClientRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { loopbackLookup, refuseRemoteAddress } from './loopback.js';

/** Part of an answer's body that is kept. */
const MAX_ANSWER_BYTES = 2048;

export interface Answer {
  readonly status: number;
  /** The first 2 KiB of the body. */
  readonly body: string;
}

export interface PostOptions {
  /** Real ms for the whole exchange. */
  readonly timeoutMs: number;
  readonly allowRemote: boolean;
}

/** Posts deliveries: each on a connection of its own, without following redirects, within a time limit. */
export class Poster {
  private readonly underWay = new Set<ClientRequest>();
  private closed = false;

  post(
    url: string,
    headers: Readonly<Record<string, string>>,
    body: string,
    options: PostOptions,
  ): Promise<Answer> {
    if (this.closed) throw new Error('closed');
    const target = new URL(url);
    if (!options.allowRemote) refuseRemoteAddress(target);
    const open = target.protocol === 'https:' ? httpsRequest : httpRequest;
    const guard = options.allowRemote ? {} : { lookup: loopbackLookup };
    const request = open(target, { method: 'POST', headers, agent: false, ...guard });
    this.underWay.add(request);
    const timer = setTimeout(
      () => request.destroy(new Error('timeout')),
      options.timeoutMs,
    );
    const answered = answer(request);
    request.on('close', () => {
      clearTimeout(timer);
      this.underWay.delete(request);
    });
    request.end(body);
    return answered;
  }

  close(): void {
    this.closed = true;
    for (const request of this.underWay) request.destroy(new Error('closed'));
  }
}

/** The answer to a request. Once the status is there, an error or an endless body does not change the result. */
function answer(request: ClientRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      const settle = () => {
        const body = Buffer.concat(chunks).subarray(0, MAX_ANSWER_BYTES).toString();
        resolve({ status: response.statusCode ?? 0, body });
        request.destroy();
      };
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > MAX_ANSWER_BYTES) settle();
      });
      response.on('end', settle);
      response.on('error', settle);
    });
  });
}
