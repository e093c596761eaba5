import { StringDecoder } from 'node:string_decoder';

/** The lines of a UTF-8 text without line ends and without blank lines; one array for each chunk. */
export async function* lineBlocks(
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<string[], void> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of chunks) {
    const lines = `${rest}${decoder.write(chunk)}`.split('\n');
    rest = lines.pop() ?? '';
    yield lines.filter(isFilled);
  }
  yield [rest + decoder.end()].filter(isFilled);
}

function isFilled(line: string): boolean {
  return line.trim() !== '';
}
