/** Lets so many through at a time, first come, first served. */
export class Slots {
  private taken = 0;
  private queue: (() => void)[] = [];

  /** @param limit asked each time, for it may change */
  constructor(private readonly limit: () => number) {}

  async take(): Promise<void> {
    if (this.taken < this.limit()) {
      this.taken++;
      return;
    }
    await new Promise<void>((resolve) => this.queue.push(resolve));
  }

  giveBack(): void {
    const next = this.queue.shift();
    if (next) next();
    else this.taken--;
  }

  /** Lets all through who wait; they find out for themselves that it is over. */
  close(): void {
    for (const resume of this.queue.splice(0)) resume();
  }
}
