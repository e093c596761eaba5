import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';

/**
 * What must be gone when this process is gone, however it goes (SIGKILL and a crash of Node included, where no handler
 * of ours runs). One `sh` beside us reads our last will from a pipe; the kernel closes the pipe when we die, and the
 * shell carries out the newest will that it read whole.
 */
const EXECUTOR = 'while IFS= read -r line; do will=$line; done; eval "$will"';

const processes = new Set<number>();
const folders = new Set<string>();
const containers = new Map<string, string>();
let pipe: Writable | undefined;

/** Kills the process with us. Resolves when that is certain, so only then may the process start its work. */
export async function holdProcess(pid: number): Promise<void> {
  processes.add(pid);
  await rewrite();
}

/** To be called when the process has ended, for the system may give its number to a stranger. */
export function releaseProcess(pid: number): void {
  processes.delete(pid);
  void rewrite();
}

export async function holdFolder(path: string): Promise<void> {
  folders.add(path);
  await rewrite();
}

export function releaseFolder(path: string): void {
  folders.delete(path);
  void rewrite();
}

export async function holdContainer(name: string, dockerPath: string): Promise<void> {
  containers.set(name, dockerPath);
  await rewrite();
}

export function releaseContainer(name: string): void {
  containers.delete(name);
  void rewrite();
}

/** One line of shell. Processes first: they may still write into the folders. */
function will(): string {
  const steps: string[] = [];
  if (processes.size > 0) steps.push(`kill -9 ${[...processes].join(' ')}`);
  for (const [name, docker] of containers)
    steps.push(`${quote(docker)} rm -f ${quote(name)}`);
  for (const path of folders) {
    steps.push(`for try in 1 2 3; do rm -rf ${quote(path)} && break; sleep 1; done`);
  }
  return steps.join('; ') || ':';
}

async function rewrite(): Promise<void> {
  pipe ??= startExecutor();
  const target = pipe;
  await new Promise<void>((resolve) => target.write(`${will()}\n`, () => resolve()));
}

/** A session of its own, so that Ctrl-C in the terminal does not end the executor before the will is due. */
function startExecutor(): Writable {
  const shell = spawn('/bin/sh', ['-c', EXECUTOR], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    // Ours may have no PATH, and `docker` reads DOCKER_HOST.
    env: { ...process.env, PATH: '/usr/bin:/bin' },
    cwd: '/',
  });
  shell.on('error', () => undefined);
  shell.stdin.on('error', () => undefined);
  shell.unref();
  // A pipe of a child is a socket, and a referenced socket would keep this process from ending.
  if ('unref' in shell.stdin && typeof shell.stdin.unref === 'function')
    shell.stdin.unref();
  return shell.stdin;
}

function quote(value: string): string {
  return `'${value.replaceAll("'", `'\\''`)}'`;
}
