import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { mainScript } from './build-copy.js';
import { spawnManaged, type Exit, type ManagedProcess } from './process/spawn.js';

/** Lines kept for error messages and for tests that search the log for secrets. Older ones are dropped. */
const MAX_LINES = 10_000;
const SHOWN_LINES = 20;
const LISTEN_LIMIT_MS = 30_000;
/** Longer than the bridge's own shutdown timeout. */
const STOP_GRACE_MS = 20_000;
const POLL_MS = 50;

/** V8 flags of the bridge, as in `npm start` and in the image's ENTRYPOINT. */
export const BRIDGE_FLAGS = ['--heap-growing-percent=100'];

/** Loopback, and ports that the kernel chooses, so that several bridges can run at the same time. */
const DEFAULTS = { PORT: '0', INTERNAL_PORT: '0', HOST: '127.0.0.1' };

export interface BridgeProcess extends AsyncDisposable {
  /** Base of the public port, without a slash at the end. */
  readonly url: string;
  readonly internalUrl: string;
  readonly pid: number;
  /** The newest 10,000 lines of stdout and stderr, oldest first. */
  readonly lines: readonly string[];
  readonly exited: Promise<Exit>;
  kill(signal: NodeJS.Signals): void;
  /** Sends SIGTERM, and SIGKILL after 20 s; resolves when the process has ended. */
  stop(): Promise<Exit>;
  /** Resolves when `/health/ready` answers 200. */
  ready(timeoutMs?: number): Promise<void>;
}

export interface BridgeOptions {
  /** The file to run; a copy of the built `main.js` when absent. */
  readonly script?: string;
  /** The Node.js to run it with; the one of this process when absent. */
  readonly node?: string;
}

/**
 * Starts the built bridge as a process of its own with exactly this environment, `PATH` and the defaults above apart. It
 * runs from a copy of `dist` (build-copy.ts).
 */
export async function startBridge(
  env: Record<string, string> = {},
  options: BridgeOptions = {},
): Promise<BridgeProcess> {
  const script = options.script ?? (await mainScript());
  const lines: string[] = [];
  const child = spawnManaged({
    command: options.node ?? process.execPath,
    args: [...BRIDGE_FLAGS, script],
    env: { PATH: process.env['PATH'], ...DEFAULTS, ...withoutAuthUnlessSet(env), ...env },
    output(line) {
      lines.push(line);
      if (lines.length > MAX_LINES) lines.shift();
    },
  });
  return bridgeOf(child, lines);
}

type Child = Pick<ManagedProcess, 'pid' | 'exited' | 'kill' | 'stop'>;

/** Wraps a process that runs the bridge on loopback. Resolves when the bridge listens. */
export async function bridgeOf(
  child: Child,
  lines: readonly string[],
): Promise<BridgeProcess> {
  const { port, internalPort } = await listening(child, lines);
  const internalUrl = `http://127.0.0.1:${internalPort}`;
  const stop = () => child.stop(STOP_GRACE_MS);
  return {
    url: `http://127.0.0.1:${port}`,
    internalUrl,
    pid: child.pid,
    lines,
    exited: child.exited,
    kill: (signal) => void child.kill(signal),
    stop,
    ready: (timeoutMs = LISTEN_LIMIT_MS) => ready(internalUrl, child, lines, timeoutMs),
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

const LISTENING_LINE = z.object({
  message: z.literal('listening'),
  port: z.number(),
  internalPort: z.number(),
});
type Ports = z.infer<typeof LISTENING_LINE>;

/** `API_AUTH=none` unless the environment says who may call: the bridge refuses both together. */
function withoutAuthUnlessSet(env: Record<string, string>): Record<string, string> {
  const guarded = 'API_TOKENS_FILE' in env || 'API_OIDC_ISSUER' in env;
  return guarded ? {} : { API_AUTH: 'none' };
}

async function listening(child: Child, lines: readonly string[]): Promise<Ports> {
  const exit = watchExit(child);
  const deadlineMs = performance.now() + LISTEN_LIMIT_MS;
  for (;;) {
    for (const line of lines) {
      const ports = portsIn(line);
      if (ports) return ports;
    }
    if (exit.text)
      throw withLines(`the bridge ended before it listened (${exit.text})`, lines);
    if (performance.now() > deadlineMs) {
      child.kill('SIGKILL');
      throw withLines(`the bridge did not listen within ${LISTEN_LIMIT_MS} ms`, lines);
    }
    await sleep(POLL_MS / 5);
  }
}

async function ready(
  internalUrl: string,
  child: Child,
  lines: readonly string[],
  timeoutMs: number,
): Promise<void> {
  const exit = watchExit(child);
  const deadlineMs = performance.now() + timeoutMs;
  let last = 'it does not answer';
  for (;;) {
    const answer = await fetch(`${internalUrl}/health/ready`, {
      signal: AbortSignal.timeout(Math.max(1, Math.ceil(deadlineMs - performance.now()))),
    }).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.status === 200) return;
    if (answer) last = `it answers ${answer.status}`;
    if (exit.text)
      throw withLines(`the bridge ended before it was ready (${exit.text})`, lines);
    if (performance.now() > deadlineMs) {
      throw withLines(`the bridge was not ready within ${timeoutMs} ms (${last})`, lines);
    }
    await sleep(POLL_MS);
  }
}

function watchExit(child: Child): { text?: string } {
  const seen: { text?: string } = {};
  const note = async () => {
    const { code, signal } = await child.exited;
    seen.text = signal ?? `exit code ${code}`;
  };
  void note();
  return seen;
}

function portsIn(line: string): Ports | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return LISTENING_LINE.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

function withLines(problem: string, lines: readonly string[]): Error {
  const shown = lines.slice(-SHOWN_LINES).join('\n');
  return new Error(`${problem}. Its last lines:\n${shown || '(it printed nothing)'}`);
}
