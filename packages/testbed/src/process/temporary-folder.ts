import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { registerPath, unregisterPath } from './reaper.js';

export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
  remove(): Promise<void>;
  /** The folder stays, even when this process ends. */
  keep(): void;
}

/** Makes a folder that is removed with this process, however it ends. */
export async function temporaryFolder(
  purpose: string,
  parent = tmpdir(),
): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(parent, `${purpose}-`));
  await registerPath(path);
  const remove = async () => {
    await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    unregisterPath(path);
  };
  return {
    path,
    keep: () => unregisterPath(path),
    remove,
    [Symbol.asyncDispose]: remove,
  };
}
