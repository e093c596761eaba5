import { cpus, loadavg } from 'node:os';

const INTERVAL_MS = 5000;
/** Above this many processes for each core nobody can say whose fault a late answer is. */
const TOO_MANY_FOR_EACH_CORE = 3;

/** Watches whether the machine has time for the campaign at all. (Windows does not say: 0.) */
export class MachineLoad {
  private highest = 0;
  private readonly timer = setInterval(() => this.sample(), INTERVAL_MS);

  constructor() {
    this.timer.unref();
  }

  /** Processes for each core that wanted to run, over the last minute; the highest that was seen. */
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
