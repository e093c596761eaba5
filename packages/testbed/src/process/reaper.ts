import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';

/**
 * Ends processes and removes paths and containers when this process ends, however it does. SIGKILL and a crash of
 * Node.js run no exit handler, so a shell beside this process does it: it reads cleanup scripts from a pipe, one a
 * line. The kernel closes the pipe when this process ends, and the shell runs the newest script that it read whole.
 */
const REAPER = 'while IFS= read -r line; do newest=$line; done; eval "$newest"';

const processes = new Set<number>();
const paths = new Set<string>();
const containers = new Map<string, string>();
let pipe: Writable | undefined;

/** The reaper kills the process. Resolves when the reaper knows of it; the process must not start its work before. */
export async function registerProcess(pid: number): Promise<void> {
  processes.add(pid);
  await sendScript();
}

/** Call it when the process has ended: the system may give the same id to another process. */
export function unregisterProcess(pid: number): void {
  processes.delete(pid);
  void sendScript();
}

/** The reaper removes the file or folder. */
export async function registerPath(path: string): Promise<void> {
  paths.add(path);
  await sendScript();
}

export function unregisterPath(path: string): void {
  paths.delete(path);
  void sendScript();
}

/** The reaper removes the container with that `docker`. */
export async function registerContainer(name: string, dockerPath: string): Promise<void> {
  containers.set(name, dockerPath);
  await sendScript();
}

export function unregisterContainer(name: string): void {
  containers.delete(name);
  void sendScript();
}

/** One line of shell. Processes come first: they may still write into the folders. */
function cleanupScript(): string {
  const steps: string[] = [];
  if (processes.size > 0) steps.push(`kill -9 ${[...processes].join(' ')}`);
  for (const [name, docker] of containers)
    steps.push(`${quote(docker)} rm -f ${quote(name)}`);
  for (const path of paths) {
    steps.push(`for try in 1 2 3; do rm -rf ${quote(path)} && break; sleep 1; done`);
  }
  return steps.join('; ') || ':';
}

async function sendScript(): Promise<void> {
  pipe ??= startReaper();
  const target = pipe;
  await new Promise<void>((resolve) =>
    target.write(`${cleanupScript()}\n`, () => resolve()),
  );
}

/** The reaper has a session of its own (`detached`): Ctrl-C in the terminal does not end it. */
function startReaper(): Writable {
  const shell = spawn('/bin/sh', ['-c', REAPER], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    // This process may have no PATH; `docker` reads DOCKER_HOST
    env: { ...process.env, PATH: '/usr/bin:/bin' },
    cwd: '/',
  });
  shell.on('error', () => undefined);
  shell.stdin.on('error', () => undefined);
  shell.unref();
  // The pipe of a child is a socket, and a referenced socket keeps this process alive
  if ('unref' in shell.stdin && typeof shell.stdin.unref === 'function')
    shell.stdin.unref();
  return shell.stdin;
}

function quote(value: string): string {
  return `'${value.replaceAll("'", `'\\''`)}'`;
}
