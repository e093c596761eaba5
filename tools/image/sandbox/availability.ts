import { onPath } from '../../../packages/testbed/src/process/on-path.js';
import { run, tail } from '../../../packages/testbed/src/process/run.js';

/** All of util-linux; by absolute path, because the sandboxed process has a PATH of its own. */
const TOOLS = ['unshare', 'mount', 'umount', 'pivot_root', 'setpriv'] as const;
export type Tools = Readonly<Record<(typeof TOOLS)[number], string>>;

/** This machine, or this user, cannot make a sandbox; the message says what it takes. */
export class SandboxUnavailableError extends Error {
  override readonly name = 'SandboxUnavailableError';

  constructor(why: string, options?: ErrorOptions) {
    super(`no sandbox here: ${why}`, options);
  }
}

/** @throws {SandboxUnavailableError} unless namespaces can be made here: tried, not guessed. */
export async function sandboxTools(): Promise<Tools> {
  if (process.platform !== 'linux') {
    throw new SandboxUnavailableError(
      `${process.platform} has no namespaces, only Linux`,
    );
  }
  if (process.geteuid?.() !== 0) {
    throw new SandboxUnavailableError(
      'it takes root (mounts, and a process of another user)',
    );
  }
  const found = TOOLS.map((name) => [name, onPath(name)] as const);
  const missing = found.filter(([, path]) => path === undefined).map(([name]) => name);
  if (missing.length > 0) {
    throw new SandboxUnavailableError(
      `install util-linux: there is no ${missing.join(', no ')} on the PATH`,
    );
  }
  const tools = Object.fromEntries(found) as Tools;
  const trial = await run(tools.unshare, ['--mount', '--pid', '--fork', '/bin/true']);
  if (!trial.ok) {
    throw new SandboxUnavailableError(
      `it takes CAP_SYS_ADMIN, which a container has only when it is privileged: ${tail(trial.output, 1)}`,
    );
  }
  return tools;
}

/** Why there is no sandbox; undefined where there is. For tests, which then do without. */
export async function sandboxTrouble(): Promise<string | undefined> {
  try {
    await sandboxTools();
    return undefined;
  } catch (error) {
    if (error instanceof SandboxUnavailableError) return error.message;
    throw error;
  }
}
