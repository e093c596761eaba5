export interface Chunk {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly isLast: boolean;
}

/** What comes in pieces of any size, in chunks of that size; the last may be shorter, or empty. */
export async function* chunksOf(
  content: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<Chunk> {
  let held = new Uint8Array(size);
  let length = 0;
  for await (const piece of content) {
    let rest = piece;
    // Only what more follows is surely not the last
    while (length + rest.length > size) {
      held.set(rest.subarray(0, size - length), length);
      rest = rest.subarray(size - length);
      yield { bytes: held, isLast: false };
      held = new Uint8Array(size);
      length = 0;
    }
    held.set(rest, length);
    length += rest.length;
  }
  yield { bytes: held.subarray(0, length), isLast: true };
}
