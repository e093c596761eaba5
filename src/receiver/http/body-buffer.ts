/** Smallest room for a body of several pieces, in bytes. */
const FIRST_ROOM = 4096;

const EMPTY = Buffer.alloc(0);

/**
 * The bytes of one body, in one buffer that grows. Its memory depends on the number of bytes and
 * not on the number of pieces: a piece of one byte that is kept as a Buffer costs 100 bytes.
 */
export class BodyBuffer {
  private room: Buffer = EMPTY;
  private size = 0;

  /** @param maxBytes length that the sender has announced, or the largest one. */
  constructor(private readonly maxBytes: number) {}

  /** Bytes that the body has. */
  get length(): number {
    return this.size;
  }

  /**
   * Adds a piece. `length` stays as it is when the body would be longer than `maxBytes`.
   *
   * @returns how much more memory the body takes now, in bytes; undefined when it is too long.
   */
  add(piece: Buffer): number | undefined {
    const needed = this.size + piece.length;
    if (needed > this.maxBytes) return undefined;
    const before = this.room.length;
    if (before === 0) {
      this.room = piece; // most bodies are one piece, and are not copied
    } else {
      this.growTo(needed);
      piece.copy(this.room, this.size);
    }
    this.size = needed;
    return this.room.length - before;
  }

  toBuffer(): Buffer {
    return this.room.subarray(0, this.size);
  }

  private growTo(needed: number): void {
    if (needed <= this.room.length) return;
    const roomy = Math.max(FIRST_ROOM, 2 * this.room.length, needed);
    const room = Buffer.allocUnsafeSlow(Math.min(roomy, this.maxBytes));
    this.room.copy(room, 0, 0, this.size);
    this.room = room;
  }
}
