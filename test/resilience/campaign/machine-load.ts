import { cpus, loadavg } from 'node:os';

const INTERVAL_MS = 5000;
/** With more runnable processes for each core than this, a late answer may be due to the machine. */
const TOO_MANY_FOR_EACH_CORE = 3;

/** Samples the load of the machine, which decides if late answers count. Windows has no load average: 0. */
export class MachineLoad {
  private highest = 0;
  private readonly timer = setInterval(() => this.sample(), INTERVAL_MS);

  constructor() {
    this.timer.unref();
  }

  /** Ends the sampling. @returns the highest load average of a minute, for each core */
  stop(): number {
    this.sample();
    clearInterval(this.timer);
    return this.highest;
  }

  private sample(): void {
    this.highest = Math.max(this.highest, (loadavg()[0] ?? 0) / cpus().length);
  }
}

export function isOverloaded(loadForEachCore: number): boolean {
  return loadForEachCore > TOO_MANY_FOR_EACH_CORE;
}
