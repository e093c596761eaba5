/** Sends requests over connections that are kept alive. A failure is a result, not an error. */
import { Agent, request, type IncomingMessage } from 'node:http';
import type { SignedRequest } from './signed-request.js';

export interface Answer {
  /** In ms of `performance.now()`. */
  readonly sentAt: number;
  readonly tookMs: number;
  /** 0: the connection was cut or refused, or the answer did not come in time. */
  readonly status: number;
  readonly reason: string;
}

const TIMEOUT_MS = 15_000;
const SHOWN_CHARACTERS = 80;

export class Poster {
  private readonly agent = new Agent({ keepAlive: true, maxFreeSockets: 64 });

  async post({ url, headers, body }: SignedRequest): Promise<Answer> {
    const sentAt = performance.now();
    const result = await this.exchange(url, headers, body).catch((error: Error) => ({
      status: 0,
      reason: reasonOf(error),
    }));
    return { sentAt, tookMs: performance.now() - sentAt, ...result };
  }

  close(): void {
    this.agent.destroy();
  }

  private exchange(url: string, headers: SignedRequest['headers'], body: Buffer) {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    return new Promise<{ status: number; reason: string }>((resolve, reject) => {
      const options = { method: 'POST', headers, agent: this.agent, signal };
      const sent = request(url, options, (response) => {
        readAll(response).then(
          (text) => resolve({ status: response.statusCode ?? 0, reason: codeIn(text) }),
          reject,
        );
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }
}

async function readAll(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) text += String(chunk);
  return text;
}

/** `reason` of a refusal, else `status`; the text itself if it is not JSON. */
function codeIn(text: string): string {
  try {
    const { status, reason } = JSON.parse(text) as Record<string, unknown>;
    return String(reason ?? status);
  } catch {
    return text.slice(0, SHOWN_CHARACTERS);
  }
}

function reasonOf(error: Error & { code?: string }): string {
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return 'timeout';
  return error.code ?? error.message;
}
