import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** How bytes in one direction are treated. */
export type Passage = 'pass' | 'wait' | 'drop' | { readonly delayMs: number };

/**
 * One direction of a proxied connection. It reads only bytes that it can pass on at once. Bytes that have to wait
 * stay in the kernel's buffers, as in a real network, so that nothing grows here and the order is kept.
 */
export class Pipe {
  private passage: Passage = 'pass';
  /** True while the other side's buffer is full or a chunk is delayed. */
  private busy = false;
  /** Called after half of the next chunk was written. */
  private cut: (() => void) | undefined;

  constructor(
    private readonly from: Socket,
    private readonly to: Socket,
  ) {
    from.on('data', (chunk) => void this.forward(chunk));
    to.on('drain', () => this.setBusy(false));
    from.on('end', () => this.end());
    from.on('close', () => this.end());
  }

  setPassage(passage: Passage): void {
    this.passage = passage;
    this.flow();
  }

  /** Writes only half of the next chunk, and then calls back. */
  cutNext(afterwards: () => void): void {
    this.cut = afterwards;
  }

  /** Ends the other side. Not by `destroy`: bytes that a dead writer had sent must still arrive. */
  private end(): void {
    if (this.passage !== 'drop') this.to.end();
  }

  private async forward(chunk: Buffer): Promise<void> {
    if (this.passage === 'drop') return;
    if (typeof this.passage === 'object') {
      this.setBusy(true);
      await delay(this.passage.delayMs, undefined, { ref: false });
      this.setBusy(false);
    }
    this.write(chunk);
  }

  private write(chunk: Buffer): void {
    if (!this.to.writable) return;
    const { cut } = this;
    if (cut) {
      this.cut = undefined;
      this.to.write(chunk.subarray(0, Math.ceil(chunk.length / 2)), cut);
    } else if (!this.to.write(chunk)) {
      this.setBusy(true);
    }
  }

  private setBusy(busy: boolean): void {
    this.busy = busy;
    this.flow();
  }

  private flow(): void {
    if (this.busy || this.passage === 'wait') this.from.pause();
    else this.from.resume();
  }
}
