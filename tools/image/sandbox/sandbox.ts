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
import { confining, type Mount } from './confinement.js';

/** As the image's `USER` and the chart's pod have it. */
export const SANDBOX_UID = 65_532;
const TMP: Mount = { to: '/tmp', sizeMiB: 64 };
const NODE = '/opt/node/bin';
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const APART = ['--mount', '--pid', '--fork', '--kill-child'];
const SHOWN_LINES = 20;
/** util-linux up to 2.38 ends so, and with 1, when the command died of a signal. */
const DIED_OF_SIGNAL = /^unshare: sigprocmask unblock failed/;

export interface SandboxOptions {
  /** Looked up in the PATH of `env`; `node` is there. */
  readonly command: readonly string[];
  /** What the process sees beside the machine's own `/usr`; `/tmp` is empty and writable when absent here. */
  readonly mounts?: readonly Mount[];
  /** The whole environment; the folder of `node` is put before its `PATH`. */
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly gid?: number;
  /** Supplementary groups: a pod's `fsGroup`. */
  readonly groups?: readonly number[];
  readonly cwd?: string;
  /** The Node.js that is `node` there; ours when absent. */
  readonly node?: string;
  /** What it prints, as it comes; it is in `lines` as well. */
  readonly output?: LineListener;
}

/** A process that is process 1 of its namespace, as in a container. */
export interface SandboxProcess extends AsyncDisposable {
  /** Of the command itself, as this machine counts. */
  readonly pid: number;
  /** What it has printed, stdout and stderr, oldest first. */
  readonly lines: readonly string[];
  /** Of what it died of another signal, an older util-linux says SIGKILL, too. */
  readonly exited: Promise<Exit>;
  /** Process 1 gets no signal, SIGKILL apart, that it does not handle. False when it has ended. */
  kill(signal: NodeJS.Signals): boolean;
  /** SIGTERM, and SIGKILL when it still runs after the grace. */
  stop(graceMs: number): Promise<Exit>;
}

/**
 * Runs a command as a container of a restricted pod would: another user without capabilities, a
 * read-only root made of what it is given, its own `/tmp`. The network is this machine's. It and all
 * that it started end with this process, however that ends.
 *
 * @throws {SandboxUnavailableError} where namespaces cannot be made: `sandboxTrouble` says so before.
 */
export async function startSandbox(options: SandboxOptions): Promise<SandboxProcess> {
  const { mounts = [], env = {}, uid = SANDBOX_UID, gid = uid } = options;
  const { groups = [], cwd = '/', node = process.execPath, command } = options;
  const tools = await sandboxTools();
  const folder = await temporaryFolder('gemini-kafka-bridge-sandbox');
  const hasTmp = mounts.some(({ to }) => to === TMP.to);
  const all = [...(hasTmp ? [] : [TMP]), { from: node, to: `${NODE}/node` }, ...mounts];
  const plan = { root: folder.path, mounts: all, uid, gid, groups, cwd };
  const script = confining(plan, tools);

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
        // At once: it may have ended, and been released, by the time that anybody else hears of it
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

/** Resolves when nothing is left of it. */
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
  // To the command itself: `unshare` passes none on
  const kill = (signal: NodeJS.Signals) => {
    if (hasEnded) return false;
    try {
      return process.kill(pid, signal);
    } catch {
      return false;
    }
  };
  const stop = async (graceMs: number) => {
    kill('SIGCONT'); // a frozen process would not see the SIGTERM
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
