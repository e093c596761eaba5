/** Lines a second of one kind. Refused requests could fill the log; metrics count all of them. */
const MAX_LINES = 10;

/** Limits the log lines about events that can come with every delivery. */
export class LogRateLimit {
  private second = 0;
  private lines = 0;

  /** False when the lines of this second are used up. */
  tryAcquire(): boolean {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.second) [this.second, this.lines] = [second, 0];
    return ++this.lines <= MAX_LINES;
  }
}
