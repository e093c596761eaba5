import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** States of `/proc/<pid>/stat`: stopped by a signal, stopped by a tracer, zombie, dead. */
const STILL = new Set(['T', 't', 'Z', 'X']);

/**
 * True when no thread of the process runs. `kill()` returns before a SIGSTOP has reached each thread. A system
 * without `/proc` does not show the threads: true there, and for a process that has ended.
 */
export async function allThreadsStopped(pid: number): Promise<boolean> {
  const tasks = join('/proc', String(pid), 'task');
  const threads = await readdir(tasks).catch(() => []);
  const states = await Promise.all(threads.map((thread) => stateOf(join(tasks, thread))));
  return states.every((state) => state === undefined || STILL.has(state));
}

/** Undefined for a thread that has ended. */
async function stateOf(task: string): Promise<string | undefined> {
  const stat = await readFile(join(task, 'stat'), 'utf8').catch(() => undefined);
  // The name before the state is in parentheses and may contain some
  return stat?.charAt(stat.lastIndexOf(')') + 2);
}
