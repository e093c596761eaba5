import {
  registerProcess,
  unregisterProcess,
} from '../../../packages/testbed/src/process/reaper.js';
import {
  spawnManaged,
  type Exit,
  type ManagedProcess,
  type LineListener,
} from '../../../packages/testbed/src/process/spawn.js';
import {
  temporaryFolder,
  type TemporaryFolder,
} from '../../../packages/testbed/src/process/temporary-folder.js';
import { sandboxTools } from './availability.js';
import { confinementScript, type Mount } from './confinement.js';

/** The uid of the image's `USER` and of the chart's pod. */
export const SANDBOX_UID = 65_532;
const TMP: Mount = { to: '/tmp', sizeMiB: 64 };
const NODE = '/opt/node/bin';
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const APART = ['--mount', '--pid', '--fork', '--kill-child'];
const SHOWN_LINES = 20;
/** util-linux up to 2.38 prints this and exits with 1 when a signal ended the command. */
const DIED_OF_SIGNAL = /^unshare: sigprocmask unblock failed/;

export interface SandboxOptions {
  /** Found on the PATH of `env`, to which `node` is added. */
  readonly command: readonly string[];
  /** Mounts beside the machine's `/usr`. `/tmp` is empty and writable unless it is among them. */
  readonly mounts?: readonly Mount[];
  /** The whole environment. The folder of `node` is put before its `PATH`. */
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly gid?: number;
  /** Supplementary groups, such as a pod's `fsGroup`. */
  readonly groups?: readonly number[];
  readonly cwd?: string;
  /** The binary that is `node` in the sandbox; the one of this process when absent. */
  readonly node?: string;
  /** Called with each line that is printed. `lines` holds them, too. */
  readonly output?: LineListener;
}

/** A process that is process 1 of its PID namespace, as in a container. */
export interface SandboxProcess extends AsyncDisposable {
  /** The command's pid in this machine's namespace. */
  readonly pid: number;
  /** Lines of stdout and stderr, oldest first. */
  readonly lines: readonly string[];
  /** An older util-linux reports SIGKILL for every signal that ends the command. */
  readonly exited: Promise<Exit>;
  /** Process 1 ignores signals that it does not handle, except SIGKILL. False when the process has ended. */
  kill(signal: NodeJS.Signals): boolean;
  /** Sends SIGTERM, and SIGKILL if the process still runs after the grace. */
  stop(graceMs: number): Promise<Exit>;
}

/**
 * Runs a command as a container of a restricted pod: as another user without capabilities, on a
 * read-only root made of the given mounts, with a `/tmp` of its own. The network is this machine's. The
 * command and its children end with this process, however that ends.
 *
 * @throws {SandboxUnavailableError} where namespaces cannot be made. `sandboxTrouble` tells beforehand.
 */
export async function startSandbox(options: SandboxOptions): Promise<SandboxProcess> {
  const { mounts = [], env = {}, uid = SANDBOX_UID, gid = uid } = options;
  const { groups = [], cwd = '/', node = process.execPath, command } = options;
  const tools = await sandboxTools();
  const folder = await temporaryFolder('gemini-kafka-bridge-sandbox');
  const hasTmp = mounts.some(({ to }) => to === TMP.to);
  const all = [...(hasTmp ? [] : [TMP]), { from: node, to: `${NODE}/node` }, ...mounts];
  const plan = { root: folder.path, mounts: all, uid, gid, groups, cwd };
  const script = confinementScript(plan, tools);

  const lines: string[] = [];
  let inner: number | undefined;
  let diedOfSignal = false;
  let begin!: () => void;
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const wrapper = spawnManaged({
    command: tools.unshare,
    args: [...APART, '/bin/sh', '-ec', script, 'sh', ...command],
    env: { ...env, PATH: `${NODE}:${env['PATH'] ?? PATH}` },
    output(line, from) {
      if (inner === undefined && from === 'stdout') {
        inner = Number(line);
        // Register it here: later it may have ended and been unregistered already
        void registerProcess(inner).then(begin);
        return;
      }
      if (DIED_OF_SIGNAL.test(line)) {
        diedOfSignal = true;
        return;
      }
      lines.push(line);
      options.output?.(line, from);
    },
  });
  const exited = ended(wrapper, folder, () => inner).then((exit): Exit =>
    diedOfSignal ? { code: null, signal: 'SIGKILL' } : exit,
  );
  await Promise.race([begun, exited]);
  if (inner === undefined) {
    throw new Error(`the sandbox was not made:\n${lines.slice(-SHOWN_LINES).join('\n')}`);
  }
  return handleOf(inner, lines, exited);
}

/** Resolves when the process has ended and its folder is removed. */
async function ended(
  wrapper: ManagedProcess,
  folder: TemporaryFolder,
  inner: () => number | undefined,
): Promise<Exit> {
  const exit = await wrapper.exited;
  const pid = inner();
  if (pid !== undefined) unregisterProcess(pid);
  await folder.remove();
  return exit;
}

function handleOf(
  pid: number,
  lines: readonly string[],
  exited: Promise<Exit>,
): SandboxProcess {
  let hasEnded = false;
  void exited.then(() => (hasEnded = true));
  // Signal the command itself: `unshare` passes no signal on
  const kill = (signal: NodeJS.Signals) => {
    if (hasEnded) return false;
    try {
      return process.kill(pid, signal);
    } catch {
      return false;
    }
  };
  const stop = async (graceMs: number) => {
    kill('SIGCONT'); // a frozen process would not handle the SIGTERM
    kill('SIGTERM');
    const grace = setTimeout(() => kill('SIGKILL'), graceMs);
    const exit = await exited;
    clearTimeout(grace);
    return exit;
  };
  return {
    pid,
    lines,
    exited,
    kill,
    stop,
    async [Symbol.asyncDispose]() {
      kill('SIGKILL');
      await exited;
    },
  };
}
