import { FingerprintSet, type Fingerprint } from './fingerprint-set.js';

/** What was published in one stretch of time; forgotten as a whole. */
interface Slice {
  readonly ids: FingerprintSet;
  /** Number of the stretch: time divided by its length. */
  readonly stretch: number;
}

/** A stretch of time is this part of the time to live; a slice holds this part of the bound at most. */
const STRETCHES_A_LIFE = 24;
const SLICES_A_BOUND = 8;

/**
 * Ids that were published, by fingerprint, in slices of the time at which they were.
 *
 * A slice is forgotten when its last id has lived its time, or early, the oldest first, when
 * there are too many ids.
 */
export class PublishedIds {
  /** By stretch, oldest first. */
  private slices: Slice[] = [];
  private ids = 0;

  /**
   * @param max ids kept. Above it the oldest slice, an eighth of them or less, is forgotten
   *   early, and `onEvict` is told how many those were.
   * @param now milliseconds on the clock that the times of `add` are from.
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

  /** Memory that the ids take. */
  get bytes(): number {
    return this.slices.reduce((sum, { ids }) => sum + ids.bytes, 0);
  }

  has(fingerprint: Fingerprint): boolean {
    this.forget();
    for (let i = this.slices.length - 1; i >= 0; i--) {
      if (this.slices[i]?.ids.has(fingerprint)) return true;
    }
    return false;
  }

  /** @param atMs when it was published; a time to come counts as now. */
  add(fingerprint: Fingerprint, atMs = this.now()): void {
    if (this.has(fingerprint)) return; // the log may be read twice
    this.sliceOf(this.stretchOf(Math.min(atMs, this.now()))).ids.add(fingerprint);
    this.ids++;
    this.makeRoom();
  }

  private stretchOf(atMs: number): number {
    return Math.floor(atMs / (this.ttlMs / STRETCHES_A_LIFE));
  }

  private sliceOf(stretch: number): Slice {
    let after = this.slices.length;
    while (after > 0 && (this.slices[after - 1] as Slice).stretch > stretch) after--;
    const last = this.slices[after - 1];
    const isOpen = last?.stretch === stretch && last.ids.size < this.max / SLICES_A_BOUND;
    if (isOpen) return last;
    this.forget();
    const slice = { ids: new FingerprintSet(), stretch };
    this.slices = this.slices.toSpliced(this.positionAfter(stretch), 0, slice);
    return slice;
  }

  private positionAfter(stretch: number): number {
    return this.slices.findLastIndex((slice) => slice.stretch <= stretch) + 1;
  }

  /** The last id of a stretch is as much younger than the first as the stretch is long. */
  private forget(): void {
    const oldest = this.stretchOf(this.now() - this.ttlMs);
    while ((this.slices[0]?.stretch ?? Infinity) < oldest) this.drop();
  }

  private makeRoom(): void {
    while (this.ids > this.max && this.slices.length > 1) this.onEvict(this.drop());
  }

  private drop(): number {
    const dropped = this.slices.shift()?.ids.size ?? 0;
    this.ids -= dropped;
    return dropped;
  }
}
