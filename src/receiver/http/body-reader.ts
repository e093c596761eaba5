import type { IncomingMessage } from 'node:http';
import type { HeldBytes } from './admission.js';

/** Largest body of a delivery, in bytes. Gemini's events have a few hundred. */
export const MAX_BODY_BYTES = 256 * 1024;

/** Why a body was refused. */
export type BodyFault = 'body-too-large' | 'body-too-slow' | 'overloaded';

/** Reads bodies. Each has its own bound, and all of them together have that of `HeldBytes`. */
export class BodyReader {
  constructor(
    private readonly timeoutMs: number,
    private readonly heldBytes: HeldBytes,
  ) {}

  /**
   * Collects the bytes as they come. Calls one of the callbacks once, or none when the sender
   * disconnects.
   *
   * @param onBody the bytes count as held until it calls `done`.
   */
  readBody(
    request: IncomingMessage,
    onBody: (body: Buffer, done: () => void) => void,
    onFault: (fault: BodyFault) => void,
  ): void {
    if (Number(request.headers['content-length']) > MAX_BODY_BYTES) {
      onFault('body-too-large');
      return;
    }
    const chunks: Buffer[] = [];
    let size = 0;
    let isFinished = false;
    /** False when the reading had ended before. */
    const finish = (): boolean => {
      if (isFinished) return false;
      isFinished = true;
      clearTimeout(timer);
      return true;
    };
    const free = (): void => {
      this.heldBytes.free(size);
      size = 0;
    };
    const refuse = (fault: BodyFault): void => {
      if (!finish()) return;
      free();
      onFault(fault);
    };
    const timer = setTimeout(() => refuse('body-too-slow'), this.timeoutMs);
    request.on('data', (chunk: Buffer) => {
      if (isFinished) return;
      size += chunk.length;
      const hasRoom = this.heldBytes.add(chunk.length);
      if (size > MAX_BODY_BYTES) refuse('body-too-large');
      else if (!hasRoom) refuse('overloaded');
      else chunks.push(chunk);
    });
    request.on('end', () => {
      if (!finish()) return;
      onBody(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks), free);
    });
    request.on('close', () => {
      if (finish()) free();
    });
  }
}
