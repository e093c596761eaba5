import { FingerprintSet, type Fingerprint } from './fingerprint-set.js';

/** The ids that were published in one interval of time. They are forgotten together. */
interface Slice {
  readonly ids: FingerprintSet;
  /** Number of the interval: time divided by the interval's length. */
  readonly interval: number;
}

/** An interval is 1/24 of the time to live. */
const INTERVALS_PER_TTL = 24;
/** A slice holds at most 1/8 of the maximum of ids. */
const SLICES_PER_MAX = 8;

/**
 * The fingerprints of published ids, in slices by the time of their publication.
 *
 * A slice is forgotten when the time to live of its last id is over. When there are too many
 * ids, the oldest slice is forgotten early.
 */
export class PublishedIds {
  /** By interval, oldest first. */
  private slices: Slice[] = [];
  private ids = 0;

  /**
   * @param ttlMs how long an id is remembered.
   * @param max number of ids. Above it the oldest slice, at most an eighth of them, is forgotten
   *   early, and `onEvict` gets its number of ids.
   * @param now milliseconds, on the same clock as the times that `add` gets.
   */
  constructor(
    private readonly ttlMs: number,
    private readonly max: number,
    private readonly now: () => number,
    private readonly onEvict: (ids: number) => void = () => undefined,
  ) {}

  get size(): number {
    return this.ids;
  }

  /** Memory of the ids. */
  get bytes(): number {
    return this.slices.reduce((sum, { ids }) => sum + ids.bytes, 0);
  }

  has(fingerprint: Fingerprint): boolean {
    this.forgetExpired();
    for (let i = this.slices.length - 1; i >= 0; i--) {
      if (this.slices[i]?.ids.has(fingerprint)) return true;
    }
    return false;
  }

  /** @param atMs time of the publication; a time in the future counts as now. */
  add(fingerprint: Fingerprint, atMs = this.now()): void {
    if (this.has(fingerprint)) return; // a topic may be read twice
    this.sliceOf(this.intervalOf(Math.min(atMs, this.now()))).ids.add(fingerprint);
    this.ids++;
    this.makeRoom();
  }

  private intervalOf(atMs: number): number {
    return Math.floor(atMs / (this.ttlMs / INTERVALS_PER_TTL));
  }

  private sliceOf(interval: number): Slice {
    let after = this.slices.length;
    while (after > 0 && (this.slices[after - 1] as Slice).interval > interval) after--;
    const last = this.slices[after - 1];
    const isOpen =
      last?.interval === interval && last.ids.size < this.max / SLICES_PER_MAX;
    if (isOpen) return last;
    this.forgetExpired();
    const slice = { ids: new FingerprintSet(), interval };
    this.slices = this.slices.toSpliced(this.positionAfter(interval), 0, slice);
    return slice;
  }

  private positionAfter(interval: number): number {
    return this.slices.findLastIndex((slice) => slice.interval <= interval) + 1;
  }

  private forgetExpired(): void {
    const oldest = this.intervalOf(this.now() - this.ttlMs);
    while ((this.slices[0]?.interval ?? Infinity) < oldest) this.dropOldest();
  }

  private makeRoom(): void {
    while (this.ids > this.max && this.slices.length > 1) this.onEvict(this.dropOldest());
  }

  /** @returns the number of ids in the dropped slice. */
  private dropOldest(): number {
    const dropped = this.slices.shift()?.ids.size ?? 0;
    this.ids -= dropped;
    return dropped;
  }
}
