import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const SRC = join(import.meta.dirname, '..', '..', 'src');

describe('the environment', () => {
  it('is read in main.ts and cli.ts only', () => {
    const names = readdirSync(SRC, { recursive: true, encoding: 'utf8' });
    const readers = names.filter(
      (name) =>
        name.endsWith('.ts') &&
        readFileSync(join(SRC, name), 'utf8').includes('process.env'),
    );
    expect(readers.toSorted()).toEqual(['cli.ts', 'main.ts']);
  });
});
