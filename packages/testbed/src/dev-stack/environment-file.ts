import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { registerPath, unregisterPath } from '../process/reaper.js';

/**
 * Writes variables as `node --env-file` and a POSIX shell read them. The file is removed with this process: the world
 * that it describes ends with it, too.
 */
export async function writeEnvironmentFile(
  path: string,
  variables: Readonly<Record<string, string>>,
): Promise<{ remove(): Promise<void> }> {
  const lines = Object.entries(variables).map(
    ([name, value]) => `${name}=${quoted(name, value)}\n`,
  );
  await mkdir(dirname(path), { recursive: true });
  await registerPath(path);
  await writeFile(path, lines.join(''), { mode: 0o600 });
  return {
    async remove() {
      await rm(path, { force: true });
      unregisterPath(path);
    },
  };
}

/** Neither reader has an escape within single quotes. */
function quoted(name: string, value: string): string {
  if (!/['\n]/.test(value)) return `'${value}'`;
  if (!/["\n$`\\]/.test(value)) return `"${value}"`;
  throw new Error(`${name} cannot be written to an environment file: ${value}`);
}
