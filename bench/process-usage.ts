import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

export interface Memory {
  residentMiB: number;
  /** Highest value since the start of the process. It equals `residentMiB` on systems that do not record it. */
  peakMiB: number;
}

/** User and system time of all threads of a process, in µs. The resolution is 1 ns on Linux, that of `ps` elsewhere. */
export function cpuMicros(pid: number): number {
  return process.platform === 'linux' ? threadsMicros(pid) : psMicros(pid);
}

export function memory(pid: number): Memory {
  if (process.platform !== 'linux') {
    const residentMiB = Number(ps(pid, 'rss')) / 1024;
    return { residentMiB, peakMiB: residentMiB };
  }
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mebibytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s*(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
  return { residentMiB: mebibytes('VmRSS'), peakMiB: mebibytes('VmHWM') };
}

/** Sums the threads' times: `/proc/<pid>/stat` has ticks of 10 ms, and `/proc/<pid>/schedstat` the main thread only. */
function threadsMicros(pid: number): number {
  if (!existsSync(`/proc/${pid}`)) throw new Error(`process ${pid} has ended`);
  const nanoseconds = readdirSync(`/proc/${pid}/task`).map((thread) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]),
  );
  return nanoseconds.reduce((sum, each) => sum + each, 0) / 1000;
}

/** Parses `[[days-]hours:]minutes:seconds`, with or without a fraction. */
function psMicros(pid: number): number {
  const [clock = '', days = '0'] = ps(pid, 'cputime').split('-').toReversed();
  const seconds = clock.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  return (Number(days) * 86_400 + seconds) * 1e6;
}

function ps(pid: number, column: string): string {
  return execFileSync('ps', ['-o', `${column}=`, '-p', String(pid)], {
    encoding: 'utf8',
  }).trim();
}
