import type { IncomingMessage } from 'node:http';
import type { HeldBodies } from './admission.js';
import { BodyBuffer } from './body-buffer.js';

/** Largest body of a delivery, in bytes. Gemini's events have a few hundred. */
export const MAX_BODY_BYTES = 256 * 1024;
/** Largest number of pieces of a body. Each costs the event loop time, and a network packet has 1,400 bytes. */
export const MAX_PIECES = 2048;

/** Why a body was refused. */
export type BodyFault = 'body-too-large' | 'body-too-slow' | 'overloaded';

/** Reads bodies. Each has its own bounds, and all of them together have that of `HeldBodies`. */
export class BodyReader {
  constructor(
    private readonly timeoutMs: number,
    private readonly held: HeldBodies,
  ) {}

  /**
   * Collects the bytes as they come. Calls one of the callbacks once, or none when the sender
   * disconnects.
   *
   * @param onBody the body counts as held until it calls `done`.
   */
  readBody(
    request: IncomingMessage,
    onBody: (body: Buffer, done: () => void) => void,
    onFault: (fault: BodyFault) => void,
  ): void {
    const announced = Number(request.headers['content-length'] ?? MAX_BODY_BYTES);
    if (announced > MAX_BODY_BYTES) {
      onFault('body-too-large');
      return;
    }
    const body = new BodyBuffer(announced);
    let heldBytes = 0;
    let pieces = 0;
    let isFinished = false;
    this.held.begin();
    /** False when the reading had ended before. */
    const finish = (): boolean => {
      if (isFinished) return false;
      isFinished = true;
      clearTimeout(timer);
      return true;
    };
    let isHeld = true;
    const free = (): void => {
      if (isHeld) this.held.end(heldBytes);
      isHeld = false;
    };
    const refuse = (fault: BodyFault): void => {
      if (!finish()) return;
      free();
      onFault(fault);
    };
    const timer = setTimeout(() => refuse('body-too-slow'), this.timeoutMs);
    request.on('data', (piece: Buffer) => {
      if (isFinished) return;
      if (++pieces > MAX_PIECES) return refuse('body-too-slow');
      const growth = body.add(piece);
      if (growth === undefined) return refuse('body-too-large');
      heldBytes += growth;
      if (!this.held.add(growth)) refuse('overloaded');
    });
    request.on('end', () => {
      if (finish()) onBody(body.toBuffer(), free);
    });
    request.on('close', () => {
      if (finish()) free();
    });
  }
}
