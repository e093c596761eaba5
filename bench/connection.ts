import { connect, type Socket } from 'node:net';

const ANSWER_BYTES = 4096;

/** Status that is reported when the connection breaks with a request in flight. */
export const BROKEN = 0;

/**
 * One keep-alive HTTP/1.1 connection that writes prepared requests and reads the status of each answer. It does not
 * use `node:http`, which needs three times as much CPU time on the cores that the sender shares with the server. It
 * does not reconnect.
 */
export class Connection {
  /** Time at which the request in flight was due, in ms of `performance.now()`. */
  dueAt = 0;
  private readonly socket: Socket;
  private busy = false;
  private received = '';

  constructor(
    port: number,
    private readonly onAnswer: (connection: Connection, status: number) => void,
  ) {
    const buffer = Buffer.allocUnsafe(ANSWER_BYTES);
    const callback = (length: number): boolean => {
      this.read(buffer.toString('latin1', 0, length));
      return true;
    };
    this.socket = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      onread: { buffer, callback },
    });
    this.socket.on('error', () => {}); // 'close' follows and reports it
    this.socket.on('close', () => this.settle(BROKEN));
  }

  send(request: string, dueAt: number): void {
    this.busy = true;
    this.dueAt = dueAt;
    if (this.socket.destroyed) this.settle(BROKEN);
    else this.socket.write(request, 'latin1');
  }

  close(): void {
    this.socket.destroy();
  }

  private read(text: string): void {
    this.received += text;
    if (!isWholeAnswer(this.received)) return;
    const status = Number(this.received.slice(9, 12));
    this.received = '';
    this.settle(status);
  }

  private settle(status: number): void {
    if (!this.busy) return;
    this.busy = false;
    this.onAnswer(this, status);
  }
}

/** @param text decoded as Latin-1, so that each character is one byte */
function isWholeAnswer(text: string): boolean {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return false;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
  if (length === undefined) return text.endsWith('\r\n0\r\n\r\n'); // chunked
  return text.length >= headEnd + 4 + Number(length);
}
