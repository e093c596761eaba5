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

describe('chunks', () => {
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
  ])('of %j are of one size but for the last, which says so', async (pieces, chunks) => {
    expect(await chunked(pieces, 4)).toEqual(chunks);
  });
});
