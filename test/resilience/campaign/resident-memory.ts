import { readFile } from 'node:fs/promises';

const INTERVAL_MS = 1000;
/** After this number of samples a process has loaded its code and made its connections. */
const SETTLED_AFTER_SAMPLES = 10;

/** Memory of a replica's processes in MiB. All 0 on systems other than Linux, which have no `/proc`. */
export interface MemorySpan {
  /** Memory of the last process after its start. */
  readonly startMiB: number;
  /** Memory of the last process at the last sample. */
  readonly endMiB: number;
  /** Highest memory of all processes. */
  readonly peakMiB: number;
}

/** Samples the resident memory of a process once a second, and of the next process after it has ended. */
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
