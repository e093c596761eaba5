import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TemporaryFile extends Disposable {
  readonly path: string;
  write(text: string): void;
}

/** Writes a file into a new folder. `dispose` removes both. */
export function temporaryFile(text: string): TemporaryFile {
  const folder = mkdtempSync(join(tmpdir(), 'bridge-test-'));
  const path = join(folder, 'file');
  writeFileSync(path, text);
  return {
    path,
    write: (content) => writeFileSync(path, content),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
