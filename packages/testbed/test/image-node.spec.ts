import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readdir } from 'node:fs/promises';
import { IMAGE_NODE_VERSION, imageNode } from '../src/image-node.js';
import { cacheRoot } from '../src/process/cache.js';
import { run } from '../src/process/run.js';
import {
  temporaryFolder,
  type TemporaryFolder,
} from '../src/process/temporary-folder.js';

const silent = () => undefined;

describe('imageNode', () => {
  it('is the Node.js that the image runs with', async () => {
    const { output } = await run(await imageNode(silent), ['--version']);
    expect(output).toBe(`v${IMAGE_NODE_VERSION}`);
  }, 120_000);
});

describe('imageNode without a download', () => {
  const outside = { ...process.env };
  const { arch } = process;
  let emptyCache: TemporaryFolder;

  beforeEach(async () => {
    emptyCache = await temporaryFolder('gemini-kafka-bridge-test');
    process.env['XDG_CACHE_HOME'] = emptyCache.path;
  });
  afterEach(async () => {
    for (const name of ['PATH', 'XDG_CACHE_HOME']) {
      if (outside[name] === undefined) delete process.env[name];
      else process.env[name] = outside[name];
    }
    Object.defineProperty(process, 'arch', { value: arch });
    await emptyCache.remove();
  });

  it('says what it is downloaded with, and leaves nothing half done', async () => {
    process.env['PATH'] = '';
    await expect(imageNode(silent)).rejects.toThrow(
      /^node-linux-\w+@24[.\d]+ is downloaded with `npm`: put it on the PATH$/,
    );
    expect(await readdir(cacheRoot())).toEqual([]);
  });

  it('says where to put one on a machine for which npm has none', async () => {
    Object.defineProperty(process, 'arch', { value: 'riscv64' });
    await expect(imageNode(silent)).rejects.toThrow(
      `not for ${process.platform}-riscv64: copy one to ${cacheRoot()}/node-${IMAGE_NODE_VERSION}/node`,
    );
  });
});
