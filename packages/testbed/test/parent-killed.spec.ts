import { describe, expect, it } from '@jest/globals';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { spawnManaged } from '../src/process/spawn.js';
import { temporaryFolder } from '../src/process/temporary-folder.js';
import { isAlive } from '../src/process/processes.js';
import { until } from '../src/until.js';

describe('a process that is SIGKILLed', () => {
  it('leaves no broker, no Redis and no folder behind', async () => {
    const folder = await temporaryFolder('gemini-kafka-bridge-test');
    const lines: string[] = [];
    const parent = spawnManaged({
      command: process.execPath,
      args: ['--import', 'tsx', join(import.meta.dirname, 'doomed-parent.ts')],
      env: { ...process.env, TMPDIR: folder.path },
      output: (line, from) => void (from === 'stdout' && lines.push(line)),
    });
    const remaining = async () =>
      (await readdir(folder.path)).filter((name) => name.startsWith('gemini'));
    let pids: number[];
    try {
      await until('the pids', () => lines.length > 0, { limitMs: 90_000 });
      pids = JSON.parse(lines[0] ?? '[]');
      expect(pids.map(isAlive)).toEqual([true, true]);
      expect(await remaining()).toHaveLength(2);
    } finally {
      parent.kill('SIGKILL');
    }

    await until('the end of all processes', () => !pids.some(isAlive));
    await until(
      'the removal of all folders',
      async () => (await remaining()).length === 0,
    );
    await folder.remove();
  }, 120_000);
});
