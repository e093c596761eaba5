import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What of the repository a build may see. Of .dockerignore only what ours is made of: `*`, and
 * exceptions from it that are names at the top.
 *
 * @throws {Error} for another pattern.
 */
export class BuildContext {
  private readonly shown: ReadonlySet<string>;

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
    this.shown = new Set(rest.map((line) => line.slice(1)));
  }

  get names(): readonly string[] {
    return [...this.shown];
  }

  /** @throws {Error} for what .dockerignore keeps out. */
  path(name: string): string {
    const [top = ''] = name.split('/');
    if (!this.shown.has(top)) throw new Error(`.dockerignore keeps ${name} out`);
    return join(this.folder, name);
  }
}
