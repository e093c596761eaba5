import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** What happens to bytes that travel one way. */
export type Passage = 'pass' | 'wait' | 'drop' | { readonly delayMs: number };

/**
 * One direction of a proxied connection. It reads only what it may pass on at once, so what waits does so in the
 * kernel's buffers, where a real network would leave it: nothing grows here, and the order is kept.
 */
export class Pipe {
  private passage: Passage = 'pass';
  /** The other side's buffer is full, or a chunk is being delayed. */
  private busy = false;
  /** A chunk goes on only up to its middle, and then the connection ends. */
  private cut: (() => void) | undefined;

  constructor(
    private readonly from: Socket,
    private readonly to: Socket,
  ) {
    from.on('data', (chunk) => void this.take(chunk));
    to.on('drain', () => this.setBusy(false));
    from.on('end', () => this.end());
    from.on('close', () => this.end());
  }

  let(passage: Passage): void {
    this.passage = passage;
    this.flow();
  }

  /** Calls back when half of the next chunk has been written. */
  cutNext(afterwards: () => void): void {
    this.cut = afterwards;
  }

  /** Not `destroy`: what a dead writer had sent still arrives. */
  private end(): void {
    if (this.passage !== 'drop') this.to.end();
  }

  private async take(chunk: Buffer): Promise<void> {
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
