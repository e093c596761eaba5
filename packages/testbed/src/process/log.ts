export type Log = (line: string) => void;

/** Progress goes to stderr, so that a download does not look like a hang; stdout is for results. */
export const toStderr: Log = (line) => void process.stderr.write(`${line}\n`);

export function secondsSince(startMs: number): string {
  return `${((performance.now() - startMs) / 1000).toFixed(1)} s`;
}
