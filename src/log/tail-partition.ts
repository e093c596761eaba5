/**
 * How much of one partition is known, and since when that can be relied on.
 *
 * The log is known *as of* the moment at which its end was asked for, once everything up to
 * that end was read. Two rules make it trustworthy:
 *
 * - It must be known as of less than `maxLagMs` ago. That is less than a claim lasts, so
 *   what a replica wrote under a claim that has run out meanwhile is known.
 * - After it was not for longer than that (at the start, or while the broker hung), it must
 *   be asked once more after `settleMs`: a broker that wakes up appends what was waiting in
 *   its sockets, even from a process that has died.
 *
 * All times are on the clock of `performance.now()`, in ms.
 */
export class TailPartition {
  /** Node id of the broker that is asked; -1 for none. */
  leader = -1;
  /** Everything before this offset is known; undefined until the window's start was found. */
  position: number | undefined;
  /** Where reading began and where it has to get to: for the progress. */
  start = 0;
  end = 0;

  private knownAsOf = -Infinity;
  private settlesAt = -Infinity;
  private trustedSince: number | undefined;

  constructor(
    readonly topic: string,
    readonly partition: number,
    private readonly maxLagMs: number,
    private readonly settleMs: number,
  ) {}

  /** True while all that was ever written here is known, but for what came within the lag. */
  isTrusted(now: number): boolean {
    return this.trustedSince !== undefined && this.lagMs(now) <= this.maxLagMs;
  }

  /** True when it was trustworthy at that moment and has been ever since. */
  vouches(askedAt: number, now: number): boolean {
    return this.isTrusted(now) && (this.trustedSince ?? Infinity) <= askedAt;
  }

  /** How long ago the log was known; Infinity for never. */
  lagMs(now: number): number {
    return now - this.knownAsOf;
  }

  /** Ours: nothing has to be read, where it follows what is known. */
  wrote(baseOffset: number, records: number): void {
    if (this.position === baseOffset) this.position = baseOffset + records;
  }

  /** All up to the end that was asked for at `askedAt` has been read by `now`. */
  known(askedAt: number, now: number): void {
    if (this.lagMs(now) > this.maxLagMs) {
      this.trustedSince = undefined;
      this.settlesAt = now + this.settleMs;
    }
    this.knownAsOf = Math.max(this.knownAsOf, askedAt);
    if (this.trustedSince === undefined && askedAt >= this.settlesAt) {
      this.trustedSince = now;
    }
  }

  /** The topic was made anew, or its records were deleted: read on from there. */
  restart(offset: number): void {
    this.position = offset;
    this.start = offset;
  }
}
