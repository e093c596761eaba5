interface Waiter {
  /** The log has to be known as of this time. */
  readonly asOf: number;
  readonly resolve: () => void;
}

/**
 * How much of one partition is known, and since when that can be relied on.
 *
 * The log is known *as of* the moment at which its end was asked for, once everything up to
 * that end was read. Two rules make it trustworthy:
 *
 * - It must be known as of less than `maxLagMs` ago. Whoever wrote under a claim that has run
 *   out since had to have written longer ago than that.
 * - After it was not for longer than that (at the start, or while the broker hung), it must
 *   be asked once more, `settleMs` after the first answer: a broker that wakes up appends
 *   what was waiting in its sockets, even from a process that has died.
 *
 * All times are on the clock of `performance.now()`, in ms.
 */
export class PartitionProgress {
  /** Node id of the broker that is asked; -1 for none. */
  leader = -1;
  /** Everything before this offset is known; undefined until the window's start was found. */
  position: number | undefined;
  /** Where reading began and where it has to get to, for the progress only. */
  start = 0;
  end = 0;

  private knownAsOf = -Infinity;
  private answeredAt = -Infinity;
  private settlesAt: number | undefined;
  private trustedSince: number | undefined;
  private waiters: Waiter[] = [];

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
  isCurrentSince(askedAt: number, now: number): boolean {
    return this.isTrusted(now) && (this.trustedSince ?? Infinity) <= askedAt;
  }

  /** How long ago the log was known; Infinity for never. */
  lagMs(now: number): number {
    return now - this.knownAsOf;
  }

  /** Ours: nothing has to be read, where it follows what is known. */
  recordAppended(baseOffset: number, records: number): void {
    if (this.position === baseOffset) this.position = baseOffset + records;
  }

  /** All up to the end that was asked for at `askedAt` has been read by `now`. */
  known(askedAt: number, now: number): void {
    if (now - this.answeredAt > this.maxLagMs) this.settlesAt = now + this.settleMs;
    this.answeredAt = now;
    if (this.lagMs(now) > this.maxLagMs) {
      this.trustedSince = undefined;
      this.settlesAt ??= now + this.settleMs;
    }
    this.knownAsOf = Math.max(this.knownAsOf, askedAt);
    if (this.trustedSince === undefined && askedAt >= (this.settlesAt ?? -Infinity)) {
      this.trustedSince = now;
      this.settlesAt = undefined;
    }
    this.wakeWaiters();
  }

  /** Resolves once the log is known as of that time; never, when the process ends before. */
  knownSince(asOf: number): Promise<void> {
    if (this.knownAsOf >= asOf) return Promise.resolve();
    return new Promise((resolve) => this.waiters.push({ asOf, resolve }));
  }

  /**
   * Resolves once everything is known that was on its way to the log when this was called:
   * the broker has answered since, and once more after it had a moment to append what waited.
   */
  async whenDrained(): Promise<void> {
    await this.knownSince(performance.now());
    await this.knownSince(performance.now() + this.settleMs);
  }

  /** The window's start, as the broker says it. */
  startAt(offset: number): void {
    this.position = offset;
    this.start = offset;
  }

  /** What was known is no longer what stands there: the start has to be looked for again. */
  forget(): void {
    this.position = undefined;
  }

  /** The topic has no such partition any more, so nothing is on its way to it. */
  drop(): void {
    this.knownAsOf = Infinity;
    this.wakeWaiters();
  }

  private wakeWaiters(): void {
    if (this.waiters.length === 0) return;
    const ready = this.waiters.filter(({ asOf }) => asOf <= this.knownAsOf);
    this.waiters = this.waiters.filter(({ asOf }) => asOf > this.knownAsOf);
    for (const { resolve } of ready) resolve();
  }
}
