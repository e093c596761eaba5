import { join } from 'node:path';
import { spawnManaged } from '../packages/testbed/src/process/spawn.js';
import type { LoadOptions, LoadResult } from './load.js';

/** Runs one measurement in a separate sender process. */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  let result: string | undefined;
  const complaints: string[] = [];
  const sender = spawnManaged({
    command: process.execPath,
    // The flags of this process include tsx's loader
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
