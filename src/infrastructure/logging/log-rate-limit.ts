/** Lines a second of one kind; a metric counts all. Anyone can send what is refused. */
const MAX_LINES = 10;

/** Keeps what happens with every delivery from filling the log. */
export class LogRateLimit {
  private second = 0;
  private lines = 0;

  /** False when this second's are used up. */
  tryAcquire(): boolean {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.second) [this.second, this.lines] = [second, 0];
    return ++this.lines <= MAX_LINES;
  }
}
