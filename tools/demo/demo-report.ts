const INDENT = '   ';
const NAME_WIDTH = 20;

/** A check of the demo failed. The message is for a reader of the demo. */
export class UnexpectedError extends Error {
  override readonly name = 'UnexpectedError';
}

/** Prints the demo on stdout, in numbered steps. */
export class DemoReport {
  private steps = 0;

  step(title: string): void {
    this.print(`\n${++this.steps}. ${title}`);
  }

  say(text: string): void {
    for (const line of text.split('\n')) this.print(INDENT + line);
  }

  pairs(values: Readonly<Record<string, string>>, indent = ''): void {
    for (const [name, value] of Object.entries(values)) {
      this.say(`${indent}${name.padEnd(NAME_WIDTH)} ${value}`);
    }
  }

  /** Prints the statement. @throws {UnexpectedError} when it does not hold. */
  check(holds: boolean, statement: string, found?: unknown): void {
    if (!holds) {
      const instead = found === undefined ? '' : `; found: ${JSON.stringify(found)}`;
      throw new UnexpectedError(
        `step ${this.steps} did not show: ${statement}${instead}`,
      );
    }
    this.say(`✓ ${statement}`);
  }

  print(line: string): void {
    process.stdout.write(`${line}\n`);
  }
}

/** The beginning of a long token. */
export function shortened(text: string, maxLength = 40): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength)}…`;
}
