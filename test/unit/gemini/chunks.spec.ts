import { describe, expect, it } from '@jest/globals';
import { chunksOf } from '../../../src/gemini/chunks.js';

async function chunked(pieces: readonly string[], size: number) {
  async function* content(): AsyncGenerator<Uint8Array> {
    for (const piece of pieces) yield Buffer.from(piece);
  }
  const chunks: [string, boolean][] = [];
  for await (const { bytes, isLast } of chunksOf(content(), size)) {
    chunks.push([Buffer.from(bytes).toString(), isLast]);
  }
  return chunks;
}

describe('chunksOf', () => {
  it.each<[string[], [string, boolean][]]>([
    [[], [['', true]]],
    [['ab'], [['ab', true]]],
    [['abcd'], [['abcd', true]]],
    [
      ['abcde'],
      [
        ['abcd', false],
        ['e', true],
      ],
    ],
    [
      ['a', 'bc', '', 'defghi', 'jkl'],
      [
        ['abcd', false],
        ['efgh', false],
        ['ijkl', true],
      ],
    ],
  ])('cuts %j into chunks of four bytes and marks the last', async (pieces, chunks) => {
    expect(await chunked(pieces, 4)).toEqual(chunks);
  });
});
