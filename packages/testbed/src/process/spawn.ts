import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { holdProcess, releaseProcess } from './reaper.js';

export type LineTaker = (line: string, from: 'stdout' | 'stderr') => void;

export interface LeashedOptions {
  readonly command: string;
  readonly args?: readonly string[];
  /** The whole environment of the child; ours when absent. */
  readonly env?: Record<string, string | undefined>;
  readonly cwd?: string;
  /** Where stdout and stderr go: appended to a file, or handed over line by line. */
  readonly output: { readonly file: string } | LineTaker;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface LeashedProcess {
  /** Of the command itself, not of a wrapper: signals reach it. */
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /** False when the process has ended already. */
  kill(signal: NodeJS.Signals): boolean;
  /** SIGTERM, and SIGKILL when it still runs after the grace. */
  stop(graceMs: number): Promise<Exit>;
}

/** The shell waits for a word from us and then *becomes* the command, so the pid is held before the command does anything. */
const WAIT_THEN_BECOME = 'read -r _ && exec "$@" </dev/null';

/** Starts a child that ends with this process, even when this process is SIGKILLed. */
export function spawnLeashed(options: LeashedOptions): LeashedProcess {
  const child = spawnWaiting(options);
  const exited = new Promise<Exit>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  const { pid, stdin } = child;
  if (pid === undefined || stdin === null) {
    child.on('error', () => undefined);
    throw new Error(`could not start ${options.command}: the system gave no process`);
  }
  child.once('exit', () => releaseProcess(pid));
  // It may be killed before it has read the word.
  stdin.on('error', () => undefined);
  void holdProcess(pid).then(() => stdin.end('go\n'));

  const kill = (signal: NodeJS.Signals) => child.kill(signal);
  return {
    pid,
    exited,
    kill,
    async stop(graceMs) {
      // A frozen process would not see the SIGTERM.
      kill('SIGCONT');
      kill('SIGTERM');
      const grace = setTimeout(() => kill('SIGKILL'), graceMs);
      const exit = await exited;
      clearTimeout(grace);
      return exit;
    },
  };
}

/** A session of its own (`detached`): Ctrl-C in a terminal reaches us alone, and we end the children in order. */
function spawnWaiting(options: LeashedOptions): ChildProcess {
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

function forwardLines(child: ChildProcess, take: LineTaker): void {
  for (const from of ['stdout', 'stderr'] as const) {
    const stream = child[from];
    if (stream) createInterface({ input: stream }).on('line', (line) => take(line, from));
  }
}
