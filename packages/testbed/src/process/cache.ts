import { existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { temporaryFolder } from './temporary-folder.js';

/** The folder that keeps downloads between runs. */
export function cacheRoot(): string {
  const base = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return join(base, 'gemini-kafka-bridge');
}

export function isCached(name: string): boolean {
  return existsSync(join(cacheRoot(), name));
}

/**
 * Returns the cached folder of that name, and fills it first if it is missing. The folder appears whole or not at all:
 * `fill` works in a folder beside it, and a rename moves that one into place. Of two processes that fill at the same time
 * the first one wins.
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
    // Another process was faster; two Mavens that share a repository can also fail because of each other
    if (!existsSync(target)) throw error;
  }
  return target;
}
