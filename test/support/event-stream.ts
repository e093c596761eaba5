import { setTimeout as sleep } from 'node:timers/promises';
import type { GeminiEmulator } from '../../packages/gemini-emulator/src/emulator.js';

/** Deliveries without 2xx at which the stream holds back. On a busy machine their retries would take the processors. */
const MAX_PENDING = 200;

/** Emits events of static webhooks at an even rate until `stop`, while the bridge keeps up. */
export class EventStream {
  emitted = 0;
  private readonly ending = new AbortController();
  private readonly running: Promise<void>;

  constructor(
    private readonly gemini: GeminiEmulator,
    private readonly perSecond: number,
  ) {
    this.running = this.run();
  }

  /** Resolves when the last event is emitted. Its delivery may be outstanding. */
  async stop(): Promise<void> {
    this.ending.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    let dueMs = performance.now();
    while (!this.ending.signal.aborted) {
      const nowMs = performance.now();
      if (this.gemini.pendingDeliveries.length > MAX_PENDING) dueMs = nowMs;
      for (; dueMs < nowMs; dueMs += 1000 / this.perSecond) {
        this.gemini.emit('batch.succeeded', { id: `batches/${this.emitted++}` });
      }
      await sleep(10);
    }
  }
}
