import { onPath } from '../../../packages/testbed/src/process/on-path.js';
import { run, tail } from '../../../packages/testbed/src/process/run.js';

/** Commands of util-linux. They are called by absolute path: the sandboxed process has a PATH of its own. */
const TOOLS = ['unshare', 'mount', 'umount', 'pivot_root', 'setpriv'] as const;
export type Tools = Readonly<Record<(typeof TOOLS)[number], string>>;

/** This machine or this user cannot make a sandbox. The message says what is missing. */
export class SandboxUnavailableError extends Error {
  override readonly name = 'SandboxUnavailableError';

  constructor(why: string, options?: ErrorOptions) {
    super(`no sandbox here: ${why}`, options);
  }
}

/** Tries to make namespaces. @throws {SandboxUnavailableError} when that fails. */
export async function sandboxTools(): Promise<Tools> {
  if (process.platform !== 'linux') {
    throw new SandboxUnavailableError(
      `${process.platform} has no namespaces, only Linux`,
    );
  }
  if (process.geteuid?.() !== 0) {
    throw new SandboxUnavailableError(
      'it needs root, for mounts and for a process of another user',
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
      `it needs CAP_SYS_ADMIN, which only a privileged container has: ${tail(trial.output, 1)}`,
    );
  }
  return tools;
}

/** The reason why this machine cannot make a sandbox; undefined if it can. */
export async function sandboxTrouble(): Promise<string | undefined> {
  try {
    await sandboxTools();
    return undefined;
  } catch (error) {
    if (error instanceof SandboxUnavailableError) return error.message;
    throw error;
  }
}
