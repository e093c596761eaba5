export interface Chunk {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly isLast: boolean;
}

/**
 * Cuts content into chunks of `size` bytes. The last chunk may be shorter, and is empty when
 * there is no content.
 */
export async function* chunksOf(
  content: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<Chunk> {
  let held = new Uint8Array(size);
  let length = 0;
  for await (const piece of content) {
    let rest = piece;
    // A full chunk waits for the next byte: until then it may be the last one
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
