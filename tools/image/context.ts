import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The files that a build may copy. The reader of .dockerignore knows two kinds of lines: a first line
 * `*`, and exceptions `!name` of files and folders at the top.
 *
 * @throws {Error} for any other line.
 */
export class BuildContext {
  private readonly allowed: ReadonlySet<string>;

  constructor(readonly folder: string) {
    const [first, ...rest] = readFileSync(join(folder, '.dockerignore'), 'utf8')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#'));
    const strange = rest.find((line) => !/^![\w.-]+$/.test(line));
    if (first !== '*' || strange !== undefined) {
      throw new Error(
        `.dockerignore: want * and then only !name, not ${strange ?? first}`,
      );
    }
    this.allowed = new Set(rest.map((line) => line.slice(1)));
  }

  get names(): readonly string[] {
    return [...this.allowed];
  }

  /** @throws {Error} when .dockerignore excludes it. */
  path(name: string): string {
    const [top = ''] = name.split('/');
    if (!this.allowed.has(top)) throw new Error(`.dockerignore excludes ${name}`);
    return join(this.folder, name);
  }
}
