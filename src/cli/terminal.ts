/** The environment and streams of a command. */
export interface Terminal {
  readonly env: NodeJS.ProcessEnv;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** An argument or a file of a command is unusable. The message says what the command wants. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** The result of a command: JSON for scripts, lines for people. */
export interface Report {
  readonly json: unknown;
  readonly lines: readonly string[];
  /** False ends with exit code 1. */
  readonly ok?: boolean;
}

/** Pads each column to its widest cell. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
