import { spawnManaged } from './spawn.js';

export interface RunResult {
  readonly ok: boolean;
  /** stdout and stderr together, in the order in which they came. */
  readonly output: string;
}

/** Runs a command to its end. The command ends with this process. */
export async function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string | undefined> } = {},
): Promise<RunResult> {
  const lines: string[] = [];
  const child = spawnManaged({
    command,
    args,
    ...options,
    output: (line) => void lines.push(line),
  });
  const { code } = await child.exited;
  return { ok: code === 0, output: lines.join('\n') };
}

/** The last lines of a text, for an error message. */
export function tail(text: string, lineCount = 15): string {
  return text.trimEnd().split('\n').slice(-lineCount).join('\n');
}
