import type { IncomingMessage } from 'node:http';
import type { HeldBytes } from './admission.js';

/** Largest webhook body taken, in bytes. Gemini's events are thin: a few hundred. */
export const MAX_BODY_BYTES = 256 * 1024;

/** Why a body was not taken. */
export type BodyFault = 'body-too-large' | 'body-too-slow' | 'overloaded';

/** Reads bodies. Each has its own bound, and all of them together have that of `HeldBytes`. */
export class BodyReader {
  constructor(
    private readonly timeoutMs: number,
    private readonly heldBytes: HeldBytes,
  ) {}

  /**
   * Collects the bytes as they come; one of `taken` and `refused` is called once, or neither
   * when the sender goes away. The bytes count as held until `done` is called.
   */
  readBody(
    request: IncomingMessage,
    taken: (body: Buffer, done: () => void) => void,
    refused: (fault: BodyFault) => void,
  ): void {
    if (Number(request.headers['content-length']) > MAX_BODY_BYTES) {
      refused('body-too-large');
      return;
    }
    const chunks: Buffer[] = [];
    let size = 0;
    let over = false;
    const finish = (): boolean => {
      if (over) return false;
      over = true;
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
      refused(fault);
    };
    const timer = setTimeout(() => refuse('body-too-slow'), this.timeoutMs);
    request.on('data', (chunk: Buffer) => {
      if (over) return;
      size += chunk.length;
      const hasRoom = this.heldBytes.add(chunk.length);
      if (size > MAX_BODY_BYTES) refuse('body-too-large');
      else if (!hasRoom) refuse('overloaded');
      else chunks.push(chunk);
    });
    request.on('end', () => {
      if (finish())
        taken(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks), free);
    });
    request.on('close', () => {
      if (finish()) free();
    });
  }
}
