import { existsSync } from 'node:fs';
import { copyFile, cp, symlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { temporaryFolder } from './process/temporary-folder.js';

const ROOT = join(import.meta.dirname, '..', '..', '..');

/**
 * Copies `dist` to a temporary folder, with `package.json` and a link to `node_modules` beside it. A later `npm run build`
 * empties `dist`; a bridge that runs from the copy does not notice. The folder is removed with this process.
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
  // The bridge reads its version there
  await copyFile(join(root, 'package.json'), join(folder.path, 'package.json'));
  await symlink(join(root, 'node_modules'), join(folder.path, 'node_modules'));
  return join(copied, 'main.js');
}

let made: Promise<string> | undefined;

/** All bridges of this process run from one copy, made for the first of them. */
export function mainScript(): Promise<string> {
  return (made ??= copyOfBuild());
}
