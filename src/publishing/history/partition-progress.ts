interface Waiter {
  /** Resolves when the partition is known as of this time. */
  readonly asOf: number;
  readonly resolve: () => void;
}

/**
 * How far one partition is read, and since when its content is known without a gap.
 *
 * The partition is known *as of* the time of a question for its end, once everything before
 * that end is read. It is trusted under two rules:
 *
 * - It is known as of less than `maxLagMs` ago. A replica whose claim has expired wrote before
 *   that.
 * - After a longer gap (at the start, or while the broker hung) a second question follows
 *   `settleMs` after the first answer. A broker that wakes up appends the requests that wait in
 *   its sockets, also those of a process that has died.
 *
 * All times are on the clock of `performance.now()`, in ms.
 */
export class PartitionProgress {
  /** Node id of the leader; -1 for none. */
  leader = -1;
  /** Everything before this offset is read; undefined until the start of the window is found. */
  position: number | undefined;
  /** The offset at which reading began. */
  start = 0;
  /** The log end offset of the last answer. */
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

  /** True while all records are known, except for those of the last `maxLagMs`. */
  isTrusted(now: number): boolean {
    return this.trustedSince !== undefined && this.lagMs(now) <= this.maxLagMs;
  }

  /** True when the partition was trusted at `askedAt` and has been since. */
  isCurrentSince(askedAt: number, now: number): boolean {
    return this.isTrusted(now) && (this.trustedSince ?? Infinity) <= askedAt;
  }

  /** Time since the partition was known; Infinity for never. */
  lagMs(now: number): number {
    return now - this.knownAsOf;
  }

  /** This process appended records. They need not be read if they follow the position. */
  recordAppended(baseOffset: number, records: number): void {
    if (this.position === baseOffset) this.position = baseOffset + records;
  }

  /** Everything is read before the end that was asked for at `askedAt`. */
  recordRead(askedAt: number, now: number): void {
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

  /**
   * Resolves once all records are known that were on their way to the partition when this was
   * called: the broker has answered, and once more `settleMs` later, when it has appended the
   * requests that waited in its sockets.
   */
  async whenDrained(): Promise<void> {
    await this.whenKnownAsOf(performance.now());
    await this.whenKnownAsOf(performance.now() + this.settleMs);
  }

  /** Reading begins at this offset. */
  beginAt(offset: number): void {
    this.position = offset;
    this.start = offset;
  }

  /** The records before the position may be others now: the start has to be found again. */
  forgetPosition(): void {
    this.position = undefined;
  }

  /** The topic has no such partition any more, so no record is on its way to it. */
  drop(): void {
    this.knownAsOf = Infinity;
    this.wakeWaiters();
  }

  private whenKnownAsOf(asOf: number): Promise<void> {
    if (this.knownAsOf >= asOf) return Promise.resolve();
    return new Promise((resolve) => this.waiters.push({ asOf, resolve }));
  }

  private wakeWaiters(): void {
    if (this.waiters.length === 0) return;
    const ready = this.waiters.filter(({ asOf }) => asOf <= this.knownAsOf);
    this.waiters = this.waiters.filter(({ asOf }) => asOf > this.knownAsOf);
    for (const { resolve } of ready) resolve();
  }
}
