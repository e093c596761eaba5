import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { until } from '../until.js';
import { registerProcess, unregisterProcess } from './reaper.js';
import { allThreadsStopped } from './thread-states.js';

export type LineListener = (line: string, from: 'stdout' | 'stderr') => void;

export interface SpawnOptions {
  readonly command: string;
  readonly args?: readonly string[];
  /** The whole environment of the child; the one of this process when absent. */
  readonly env?: Record<string, string | undefined>;
  readonly cwd?: string;
  /** Receives stdout and stderr: a file, to which both are appended, or a function, called with each line. */
  readonly output: { readonly file: string } | LineListener;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ManagedProcess {
  /** Process id of the command itself, not of a wrapper: signals reach it. */
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /** False when the process has ended already. */
  kill(signal: NodeJS.Signals): boolean;
  /** Sends SIGSTOP and resolves when all threads have stopped. SIGCONT undoes it. */
  pause(): Promise<void>;
  /** Sends SIGTERM, and SIGKILL if the process still runs after the grace. */
  stop(graceMs: number): Promise<Exit>;
}

/** The shell waits for a line and then *becomes* the command: the reaper knows the pid before the command starts. */
const WAIT_THEN_BECOME = 'read -r _ && exec "$@" </dev/null';

/** Starts a child that ends with this process, even when this process is SIGKILLed. */
export function spawnManaged(options: SpawnOptions): ManagedProcess {
  const child = spawnWaiting(options);
  const exited = new Promise<Exit>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  const { pid, stdin } = child;
  if (pid === undefined || stdin === null) {
    child.on('error', () => undefined);
    throw new Error(`could not start ${options.command}: the system gave no process`);
  }
  child.once('exit', () => unregisterProcess(pid));
  // The shell may be killed before it has read the line
  stdin.on('error', () => undefined);
  void registerProcess(pid).then(() => stdin.end('go\n'));

  const kill = (signal: NodeJS.Signals) => child.kill(signal);
  return {
    pid,
    exited,
    kill,
    async pause() {
      kill('SIGSTOP');
      await until(`the threads of process ${pid} to stop`, () => allThreadsStopped(pid));
    },
    async stop(graceMs) {
      kill('SIGCONT'); // a frozen process would not handle the SIGTERM
      kill('SIGTERM');
      const grace = setTimeout(() => kill('SIGKILL'), graceMs);
      const exit = await exited;
      clearTimeout(grace);
      return exit;
    },
  };
}

/** A session of its own (`detached`): Ctrl-C in a terminal reaches this process alone, which ends its children in order. */
function spawnWaiting(options: SpawnOptions): ChildProcess {
  const { command, args = [], env = process.env, cwd, output } = options;
  const file = typeof output === 'function' ? undefined : openSync(output.file, 'a');
  try {
    const child = spawn('/bin/sh', ['-c', WAIT_THEN_BECOME, 'sh', command, ...args], {
      detached: true,
      stdio: ['pipe', file ?? 'pipe', file ?? 'pipe'],
      env,
      ...(cwd && { cwd }),
    });
    if (typeof output === 'function') forwardLines(child, output);
    return child;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function forwardLines(child: ChildProcess, listener: LineListener): void {
  for (const from of ['stdout', 'stderr'] as const) {
    const stream = child[from];
    if (stream)
      createInterface({ input: stream }).on('line', (line) => listener(line, from));
  }
}
