import { setTimeout as sleep } from 'node:timers/promises';
import type { GeminiEmulator } from '../../packages/gemini-emulator/src/emulator.js';

/** Emits events of static webhooks at an even rate until `stop`. */
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
    const startMs = performance.now();
    while (!this.ending.signal.aborted) {
      const due = ((performance.now() - startMs) / 1000) * this.perSecond;
      for (; this.emitted < due; this.emitted++) {
        this.gemini.emit('batch.succeeded', { id: `batches/${this.emitted}` });
      }
      await sleep(10);
    }
  }
}
