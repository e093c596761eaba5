export type Log = (line: string) => void;

/** Progress goes to stderr: a download of a minute must not look like a hang, and stdout belongs to results. */
export const toStderr: Log = (line) => void process.stderr.write(`${line}\n`);

export function secondsSince(startMs: number): string {
  return `${((performance.now() - startMs) / 1000).toFixed(1)} s`;
}
