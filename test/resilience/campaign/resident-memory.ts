import { readFile } from 'node:fs/promises';

const INTERVAL_MS = 1000;
/** By then a process has read its code and made its connections. */
const SETTLED_AFTER_SAMPLES = 10;

/** In MiB; all 0 where the system does not say (it is in `/proc` on Linux alone). */
export interface MemorySpan {
  /** Of the last process, when it had settled. */
  readonly startMiB: number;
  /** Of the last process, last seen. */
  readonly endMiB: number;
  /** Of all of them. */
  readonly peakMiB: number;
}

/** Looks once a second how much memory a process holds, and the one that follows it. */
export class ResidentMemory {
  private samples: number[] = [];
  private peakMiB = 0;
  private timer: NodeJS.Timeout | undefined;

  watch(pid: number): void {
    clearInterval(this.timer);
    this.samples = [];
    this.timer = setInterval(() => void this.sample(pid), INTERVAL_MS);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  get span(): MemorySpan {
    const endMiB = this.samples.at(-1) ?? 0;
    const startMiB = this.samples[SETTLED_AFTER_SAMPLES - 1] ?? endMiB;
    return { startMiB, endMiB, peakMiB: this.peakMiB };
  }

  private async sample(pid: number): Promise<void> {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    const kiB = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
    if (kiB === undefined) return;
    const miB = Number(kiB) / 1024;
    this.samples.push(miB);
    this.peakMiB = Math.max(this.peakMiB, miB);
  }
}
