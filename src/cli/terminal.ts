/** Where a command reads and writes. */
export interface Terminal {
  readonly env: NodeJS.ProcessEnv;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** What a command was given is no use; the message says what would be. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** What a command found: for programs as JSON, for people as lines. */
export interface Report {
  readonly json: unknown;
  readonly lines: readonly string[];
  /** False ends with exit code 1. */
  readonly ok?: boolean;
}

/** Columns as wide as they have to be. */
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
