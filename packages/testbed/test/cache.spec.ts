import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached, cacheRoot } from '../src/process/cache.js';
import {
  temporaryFolder,
  type TemporaryFolder,
} from '../src/process/temporary-folder.js';

describe('cached', () => {
  const outside = process.env['XDG_CACHE_HOME'];
  let home: TemporaryFolder;

  beforeEach(async () => {
    home = await temporaryFolder('gemini-kafka-bridge-test');
    process.env['XDG_CACHE_HOME'] = home.path;
  });
  afterEach(async () => {
    if (outside === undefined) delete process.env['XDG_CACHE_HOME'];
    else process.env['XDG_CACHE_HOME'] = outside;
    await home.remove();
  });

  it('fills once', async () => {
    await cached('thing', fillWith('first'));
    const folder = await cached('thing', fillWith('second'));
    expect(await readFile(join(folder, 'file'), 'utf8')).toBe('first');
  });

  it('gives two concurrent callers the same complete folder, and leaves no draft', async () => {
    const [one, other] = await Promise.all([
      cached('thing', fillWith('same')),
      cached('thing', fillWith('same')),
    ]);
    expect(one).toBe(other);
    expect(await readFile(join(one, 'file'), 'utf8')).toBe('same');
    expect(await readdir(cacheRoot())).toEqual(['thing']);
  });

  it('leaves no folder after a failed fill', async () => {
    await expect(cached('thing', failHalfway)).rejects.toThrow('no network');
    expect(await readdir(cacheRoot())).toEqual([]);
  });
});

function fillWith(text: string): (folder: string) => Promise<void> {
  return (folder) => writeFile(join(folder, 'file'), text);
}

async function failHalfway(folder: string): Promise<void> {
  await fillWith('half')(folder);
  throw new Error('no network');
}
