import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { holdFolder, releaseFolder } from './reaper.js';

export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
  remove(): Promise<void>;
  /** Leaves it where it is, even when this process ends. */
  keep(): void;
}

/** A new folder that is gone when this process is gone. */
export async function temporaryFolder(
  purpose: string,
  parent = tmpdir(),
): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(parent, `${purpose}-`));
  await holdFolder(path);
  const remove = async () => {
    await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    releaseFolder(path);
  };
  return {
    path,
    keep: () => releaseFolder(path),
    remove,
    [Symbol.asyncDispose]: remove,
  };
}
