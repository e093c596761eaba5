import { connect, type Socket } from 'node:net';
import type { Signed } from './sender.js';

const LAST_CHUNK = '0\r\n\r\n';

/** The first answer on a connection. */
export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** A request line and headers, written as given. A header may be repeated. */
export function requestHead(
  line: string,
  headers: readonly (readonly [string, string])[],
): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  return `${line} HTTP/1.1\r\nHost: bridge.example\r\n${lines.join('')}\r\n`;
}

/** A signed delivery as the bytes of a request. */
export function deliveryRequest(
  target: string,
  { headers, body }: Signed,
  more: readonly (readonly [string, string])[] = [],
): Buffer {
  const bytes = Buffer.from(body as string);
  const head = requestHead(`POST ${target}`, [
    ...Object.entries(headers),
    ['Content-Length', String(bytes.length)],
    ...more,
  ]);
  return Buffer.concat([Buffer.from(head), bytes]);
}

/**
 * Sends bytes that an HTTP client would refuse to send, and reads the first answer.
 *
 * @throws {Error} when the connection ends without one.
 */
export function rawRequest(port: number, ...parts: (string | Buffer)[]) {
  return new Promise<RawAnswer>((resolve, reject) => {
    let received = '';
    const socket: Socket = connect(port, '127.0.0.1', () => {
      for (const part of parts) socket.write(part);
    });
    const settle = (ended: boolean): void => {
      const answer = parseAnswer(received, ended);
      if (answer) {
        resolve(answer);
        socket.destroy();
      } else if (ended) {
        reject(new Error('the connection ended without an answer'));
      }
    };
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      received += String(chunk);
      settle(false);
    });
    socket.on('close', () => settle(true));
    socket.on('error', () => undefined); // the connection may be reset after the answer
  });
}

function parseAnswer(received: string, ended: boolean): RawAnswer | undefined {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [first = '', ...lines] = received.slice(0, end).split('\r\n');
  const status = Number(first.split(' ')[1]);
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  const body = received.slice(end + 4);
  const length = headers.get('content-length');
  const complete =
    length === undefined ? body.endsWith(LAST_CHUNK) : body.length >= Number(length);
  return complete || ended ? { status, headers, body } : undefined;
}
