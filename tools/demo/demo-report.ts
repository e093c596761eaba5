const INDENT = '   ';
const NAME_WIDTH = 20;

/** Something did not come out as it must; the message says what, for a reader of the demo. */
export class UnexpectedError extends Error {
  override readonly name = 'UnexpectedError';
}

/** Tells what happens, in numbered steps, on stdout. */
export class DemoReport {
  private steps = 0;

  /** Begins the next step. */
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

  /** A line for what is so. @throws {UnexpectedError} when it is not. */
  check(isSo: boolean, statement: string, found?: unknown): void {
    if (!isSo) {
      const instead = found === undefined ? '' : `; found: ${JSON.stringify(found)}`;
      throw new UnexpectedError(`step ${this.steps}: not so: ${statement}${instead}`);
    }
    this.say(`✓ ${statement}`);
  }

  print(line: string): void {
    process.stdout.write(`${line}\n`);
  }
}

/** A long token by its beginning: what it says matters to nobody. */
export function shortened(text: string, maxLength = 40): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength)}…`;
}
