import { join } from 'node:path';
import { spawnManaged } from '../packages/testbed/src/process/spawn.js';
import type { LoadOptions, LoadResult } from './load.js';

/** One measurement by a sender process of its own. */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  let result: string | undefined;
  const complaints: string[] = [];
  const sender = spawnManaged({
    command: process.execPath,
    // With tsx's loader, which is among our own flags.
    args: [
      ...process.execArgv,
      join(import.meta.dirname, 'load.ts'),
      JSON.stringify(options),
    ],
    output(line, from) {
      if (from === 'stdout') result = line;
      else complaints.push(line);
    },
  });
  const { code, signal } = await sender.exited;
  if (code !== 0 || result === undefined) {
    const how = signal ?? `exit code ${code}`;
    throw new Error([`the sender failed (${how})`, ...complaints].join('\n'));
  }
  const measured: LoadResult = JSON.parse(result);
  return measured;
}
