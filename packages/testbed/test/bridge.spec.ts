import { describe, expect, it } from '@jest/globals';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BRIDGE_FLAGS, startBridge } from '../src/bridge.js';
import { copyOfBuild } from '../src/build-copy.js';
import {
  temporaryFolder,
  type TemporaryFolder,
} from '../src/process/temporary-folder.js';
import { isAlive } from '../src/process/processes.js';

const script = join(import.meta.dirname, 'fake-bridge.mjs');

describe('a bridge that runs', () => {
  it('needs nothing of dist, which the next build empties', async () => {
    await using root = await buildOf(script);
    const copied = await copyOfBuild(root.path);
    await rm(join(root.path, 'dist'), { recursive: true });
    await using bridge = await startBridge({}, { script: copied });
    await bridge.ready(10_000);
    const manifest = join(dirname(copied), '..', 'package.json');
    expect(await readFile(manifest, 'utf8')).toBe('{"type":"module"}');
  }, 30_000);
});

describe('startBridge', () => {
  it('returns the addresses, waits until the bridge is ready, and stops it with SIGTERM', async () => {
    await using bridge = await startBridge({ TOPIC_PREFIX: 'x' }, { script });
    expect(bridge.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    await bridge.ready(10_000);
    expect(await bridge.stop()).toEqual({ code: 0, signal: null });
    expect(bridge.lines.at(-1)).toContain('stopping');
    expect(isAlive(bridge.pid)).toBe(false);
  }, 30_000);

  it("starts Node.js with the bridge's flags", async () => {
    await using bridge = await startBridge({}, { script });
    await bridge.ready(10_000);
    const { flags }: { flags: string[] } = JSON.parse(bridge.lines[1] ?? '{}');
    expect(flags).toEqual(BRIDGE_FLAGS);
  }, 30_000);

  it('passes on the given environment, and of this process only PATH', async () => {
    process.env['GEMINI_API_KEY'] = 'of the developer';
    try {
      await using bridge = await startBridge({ TOPIC_PREFIX: 'x' }, { script });
      await bridge.ready(10_000);
      const { names }: { names: string[] } = JSON.parse(bridge.lines[1] ?? '{}');
      expect(names).toEqual(expect.arrayContaining(['API_AUTH', 'PATH', 'TOPIC_PREFIX']));
      expect(names).not.toContain('GEMINI_API_KEY');
    } finally {
      delete process.env['GEMINI_API_KEY'];
    }
  }, 30_000);

  it('reports the log of a bridge that ends before it listens', async () => {
    const start = startBridge({ FAIL: '1' }, { script });
    await expect(start).rejects.toThrow(/exit code 3.*KAFKA_BROKERS is missing/s);
  }, 30_000);

  it('reports the last lines of a bridge that does not become ready', async () => {
    await using bridge = await startBridge({ NEVER_READY: '1' }, { script });
    await expect(bridge.ready(200)).rejects.toThrow(/answers 503.*"listening"/s);
  }, 30_000);
});

/** A folder as the repository is after `npm run build`, with this as its `dist/main.js`. */
async function buildOf(main: string): Promise<TemporaryFolder> {
  const folder = await temporaryFolder('gemini-kafka-bridge-test');
  await mkdir(join(folder.path, 'dist'));
  await copyFile(main, join(folder.path, 'dist', 'main.js'));
  await writeFile(join(folder.path, 'package.json'), '{"type":"module"}');
  return folder;
}
