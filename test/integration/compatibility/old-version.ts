import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { run, tail } from '../../../packages/testbed/src/process/run.js';
import { temporaryFolder } from '../../../packages/testbed/src/process/temporary-folder.js';

const ROOT = join(import.meta.dirname, '..', '..', '..');

/** A built checkout of an earlier commit. */
export interface OldVersion extends AsyncDisposable {
  /** The full hash of the commit. */
  readonly commit: string;
  /** `dist/main.js` of that commit. */
  readonly script: string;
}

/** Builds a commit in a temporary worktree, with the `node_modules` of this checkout. */
export async function buildOldVersion(revision: string): Promise<OldVersion> {
  const commit = (
    await succeed('git', ['rev-parse', `${revision}^{commit}`], ROOT)
  ).trim();
  const folder = await temporaryFolder('gemini-kafka-bridge-old');
  const checkout = join(folder.path, 'checkout');
  try {
    await succeed('git', ['worktree', 'add', '--detach', checkout, commit], ROOT);
    await symlink(join(ROOT, 'node_modules'), join(checkout, 'node_modules'));
    const nest = join('node_modules', '@nestjs', 'cli', 'bin', 'nest.js');
    await succeed(process.execPath, [nest, 'build'], checkout);
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    commit,
    script: join(checkout, 'dist', 'main.js'),
    [Symbol.asyncDispose]: remove,
  };

  async function remove(): Promise<void> {
    await folder.remove();
    await succeed('git', ['worktree', 'prune'], ROOT);
  }
}

async function succeed(
  command: string,
  args: readonly string[],
  cwd: string,
): Promise<string> {
  const { ok, output } = await run(command, args, { cwd });
  if (!ok) throw new Error(`${command} ${args.join(' ')} failed:\n${tail(output)}`);
  return output;
}
