/** A semaphore with a limit that may change. Callers get their turn in the order in which they asked. */
export class Semaphore {
  private held = 0;
  private waiting: (() => void)[] = [];

  /** @param limit number of callers that may hold it at the same time; asked at each call */
  constructor(private readonly limit: () => number) {}

  /** Resolves when it is the caller's turn. */
  async acquire(): Promise<void> {
    if (this.held < this.limit()) {
      this.held++;
      return;
    }
    await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  release(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.held--;
  }

  /** Resolves all pending calls of `acquire`. */
  close(): void {
    for (const resume of this.waiting.splice(0)) resume();
  }
}
