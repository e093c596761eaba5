import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** States of `/proc/<pid>/stat`: stopped by a signal, stopped by a tracer, zombie, dead. */
const STILL = new Set(['T', 't', 'Z', 'X']);

/**
 * True when no thread of the process runs. `kill()` returns before a SIGSTOP has reached each thread. A system
 * without `/proc` does not show the threads: true there, and for a process that has ended.
 */
export function allThreadsStopped(pid: number): boolean {
  const tasks = join('/proc', String(pid), 'task');
  // Synchronous: a busy event loop would take seconds for the many small reads of a JVM's threads
  const threads = orUndefined(() => readdirSync(tasks)) ?? [];
  return threads.every((thread) => isStill(join(tasks, thread, 'stat')));
}

function isStill(file: string): boolean {
  const stat = orUndefined(() => readFileSync(file, 'utf8'));
  if (stat === undefined) return true; // the thread has ended
  // The name before the state is in parentheses and may contain some
  return STILL.has(stat.charAt(stat.lastIndexOf(')') + 2));
}

function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
