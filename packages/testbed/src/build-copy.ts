import { existsSync } from 'node:fs';
import { copyFile, cp, symlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { temporaryFolder } from './process/temporary-folder.js';

const ROOT = join(import.meta.dirname, '..', '..', '..');

/**
 * A copy of `dist` beside what it needs of the repository, so that a later `npm run build`, which empties `dist`, does
 * not reach a bridge that runs. The folder is gone when this process is gone.
 *
 * @returns the path of its `main.js`.
 * @throws {Error} when there is no build.
 */
export async function copyOfBuild(root = ROOT): Promise<string> {
  const built = join(root, 'dist');
  const main = join(built, 'main.js');
  if (!existsSync(main)) {
    throw new Error(
      `${relative(process.cwd(), main)} is missing: run \`npm run build\` first`,
    );
  }
  const folder = await temporaryFolder('gemini-kafka-bridge-build');
  const copied = join(folder.path, 'dist');
  await cp(built, copied, { recursive: true });
  // It reads its version there
  await copyFile(join(root, 'package.json'), join(folder.path, 'package.json'));
  await symlink(join(root, 'node_modules'), join(folder.path, 'node_modules'));
  return join(copied, 'main.js');
}

let made: Promise<string> | undefined;

/** One copy for all bridges of this process, as `dist` was at the first of them. */
export function mainScript(): Promise<string> {
  return (made ??= copyOfBuild());
}
