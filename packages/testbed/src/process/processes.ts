import { readFileSync } from 'node:fs';

/** True for a process that runs or is stopped; false for a zombie, which only waits for its parent to collect it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return stateOf(pid) !== 'Z';
}

/** Linux only, where process 1 of a container may never collect its zombies. On macOS launchd does at once. */
function stateOf(pid: number): string | undefined {
  try {
    return /\) (\w) /.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}
