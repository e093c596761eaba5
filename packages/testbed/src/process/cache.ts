import { existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { temporaryFolder } from './temporary-folder.js';

/** Downloads are kept here between runs. */
export function cacheRoot(): string {
  const base = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return join(base, 'gemini-kafka-bridge');
}

export function isCached(name: string): boolean {
  return existsSync(join(cacheRoot(), name));
}

/**
 * The cached folder of that name, filled first when it is not there. It appears whole or not at all: `fill` works in a
 * folder beside it, and a rename moves that into place. Of two processes that fill at once the first one wins.
 */
export async function cached(
  name: string,
  fill: (folder: string) => Promise<void>,
): Promise<string> {
  const target = join(cacheRoot(), name);
  if (existsSync(target)) return target;
  await mkdir(cacheRoot(), { recursive: true });
  const draft = await temporaryFolder(`.filling-${name}`, cacheRoot());
  try {
    await fill(draft.path);
    await rename(draft.path, target);
    draft.keep();
  } catch (error) {
    await draft.remove();
    // The other process was faster; two Mavens that share one repository can also trip over each other.
    if (!existsSync(target)) throw error;
  }
  return target;
}
