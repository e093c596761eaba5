import { cpus, loadavg } from 'node:os';

const INTERVAL_MS = 5000;
/** Highest load average for each core at which late answers are judged. Above it, the machine may have delayed them. */
const TOO_MANY_FOR_EACH_CORE = 3;

/** Samples the load of the machine, which decides if late answers are judged. On Windows the load is always 0. */
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
